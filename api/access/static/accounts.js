// Accounts of others: their roles, their sessions, a new first password.

import { button, cell, get, grantOf, post, words } from "./access.js";

const table = document.getElementById("accounts");
const told = document.getElementById("accounts-told");
const texts = JSON.parse(table.dataset.texts);
const roles = JSON.parse(table.dataset.roles);
const mine = (await get("/api/v1/me"))?.account;

function grantText({ role, site, zones, until }) {
  const place = [site === "*" ? texts.everywhere : site, ...(zones ? [zones.join(", ")] : [])].join(" · ");
  const end = until ? texts.until_day.replace("{day}", until.slice(0, 10)) : "";
  return `${roles[role] ?? role} (${[place, end].filter(Boolean).join(", ")})`;
}

async function act(account, verb, body, done) {
  const { ok, body: answer } = await post(`/api/v1/accounts/${account.id}/${verb}`, body);
  told.className = ok ? "done" : "";
  told.textContent = ok ? `${account.name}: ${done}` : words(answer);
  if (ok) await load();
  return ok;
}

function row(account) {
  const line = table.tBodies[0].insertRow();
  line.dataset.account = account.name;
  cell(line, account.disabled ? `${account.name} (${texts.disabled})` : account.name);
  cell(line, account.shared ? `${account.display_name} (${texts.shared_desk})` : account.display_name);
  cell(line, account.grants.map(grantText).join("; ") || texts.no_role);
  cell(line, account.second_factor ? texts.yes : texts.no);
  cell(line, account.sessions);
  const place = line.insertCell().appendChild(document.createElement("div"));
  place.className = "acts";
  place.append(...(account.name === mine ? [ownPage()] : actsOn(account)));
}

/** Nobody closes or demotes themselves; sessions and password are on a page of their own. */
function ownPage() {
  const link = document.createElement("a");
  link.href = "/account";
  link.textContent = texts.own;
  return link;
}

function actsOn(account) {
  const verb = account.disabled ? "enable" : "disable";
  const switched = () => act(account, verb, {}, texts[`${verb}d`]);
  const out = button(texts.sign_out_all, () =>
    askSure(account, texts.sign_out_all, () => act(account, "sign-out", {}, texts.signed_out)));
  out.disabled = account.sessions === 0;
  return [
    out,
    button(texts.change_roles, () => askRoles(account)),
    button(texts.reset, () => askPassword(account)),
    button(texts[verb], () =>
      account.disabled ? switched() : askSure(account, texts.disable, switched)),
  ];
}

/** What ends sessions is asked twice: a desk that is signed out tells of no alarm. */
function askSure(account, what, answer) {
  const desk = account.shared && account.sessions > 0;
  document.querySelector("#sure [data-what]").textContent = what;
  document.getElementById("sure-why").textContent = desk ? texts.sure_desk : texts.sure;
  ask("sure", account, answer);
}

async function load() {
  const found = await get("/api/v1/accounts");
  if (found === null) {
    told.className = "";
    told.textContent = words(null);
    return;
  }
  table.tBodies[0].replaceChildren();
  found.forEach(row);
}

/** Ask in a dialog; `answer(form)` gives the words of a refusal, or nothing when it is done. */
function ask(id, account, answer) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form");
  dialog.querySelector("[data-name]").textContent = account.name;
  const refusal = dialog.querySelector("output");
  refusal.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (await answer(form)) dialog.close();
    else refusal.textContent = told.textContent;
  };
  dialog.querySelector("[data-cancel]").onclick = () => dialog.close();
  dialog.showModal();
}

function askPassword(account) {
  const field = document.querySelector("#reset input");
  field.value = "";
  ask("reset", account, () => act(account, "reset", { password: field.value }, texts.was_reset));
}

const rows = document.getElementById("grants");

function addGrant(grant) {
  const part = document.getElementById("grant").content.cloneNode(true).firstElementChild;
  const [role, site, zones, until] = part.querySelectorAll("select, input");
  role.value = grant.role;
  site.value = grant.site;
  zones.value = (grant.zones ?? []).join(" ");
  until.value = grant.until ? grant.until.slice(0, 10) : "";
  part.querySelector("button").addEventListener("click", () => part.remove());
  rows.append(part);
}

function askRoles(account) {
  rows.replaceChildren();
  account.grants.forEach(addGrant);
  ask("roles", account, () => {
    const grants = [...rows.children].map((part) => {
      const [role, site, zones, until] = [...part.querySelectorAll("select, input")].map((one) => one.value);
      return grantOf({ role, site, zones, until });
    });
    return act(account, "roles", { grants }, texts.roles_set);
  });
}

document.getElementById("grant-add").addEventListener("click", () =>
  addGrant({ role: Object.keys(roles)[0], site: "*", zones: null, until: null }));
await load();
