// Forms of the account pages: they send JSON with the session's token and show what was refused.

import { sending } from "/console/js/request.js";

const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

async function post(path, body) {
  try {
    const answer = await fetch(path, sending(body));
    return { ok: answer.ok, body: await answer.json() };
  } catch {
    return { ok: false, body: null };
  }
}

function words(body) {
  if (!body?.message) return document.body.dataset.wrong;
  return `${body.message[lang]} · ${body.mend[lang]}`;
}

/**
 * Only a page of this service: never an address that somebody put into a link. The whole address is
 * given, since a path that begins with two slashes (of `/.//other.example`) would name another host.
 */
function nextPage() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  const url = new URL(next, location.origin);
  const own = url.origin === location.origin && next.startsWith("/");
  return location.origin + (own ? url.pathname : "/");
}

function fields(form) {
  const body = {};
  for (const input of form.elements) {
    if (input.name) body[input.name] = input.type === "checkbox" ? input.checked : input.value;
  }
  if (form.id !== "add") return body;
  const { role, site, zones, until, ...account } = body;
  const ids = zones.split(/[\s,，]+/).filter(Boolean);
  const grant = { role, site, zones: ids.length ? ids : null };
  grant.until = until ? `${until}T23:59:59+08:00` : null;
  return { ...account, grants: [grant] };
}

for (const form of document.querySelectorAll("form[data-post]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = form.querySelector("output");
    const { ok, body } = await post(form.dataset.post, fields(form));
    told.className = ok ? "done" : "";
    told.textContent = ok ? (form.dataset.done ?? "") : words(body);
    if (!ok) return;
    if (form.id === "confirm") showRecovery(body.codes);
    else if (form.dataset.then === "url") location.assign(body.url);
    else if (form.dataset.then) {
      location.assign(form.dataset.then === "next" ? nextPage() : form.dataset.then);
    } else form.reset();
  });
}

function showRecovery(codes) {
  document.getElementById("confirm").hidden = true;
  document.getElementById("recovery").hidden = false;
  document.getElementById("recovery-codes").textContent = codes.join("\n");
}

document.getElementById("enrol")?.addEventListener("click", async () => {
  const { ok, body } = await post("/api/v1/me/authenticator", {});
  if (!ok) return;
  const form = document.getElementById("confirm");
  document.getElementById("qr").src = body.qr;
  document.getElementById("secret").textContent = body.secret;
  form.elements.secret.value = body.secret;
  form.hidden = false;
});

async function get(path) {
  const answer = await fetch(path);
  return answer.ok ? answer.json() : null;
}

const me = document.getElementById("me");
if (me) {
  const body = await get(me.dataset.get);
  if (body) me.textContent = `${body.name} · ${body.account} · ${body.roles.join(", ")}`;
}

const code = new URLSearchParams(location.hash.slice(1)).get("code");
const codeField = document.querySelector('form[data-post="/api/v1/set-up"] input[name="code"]');
if (code && codeField) codeField.value = code;

function cell(row, text) {
  row.insertCell().textContent = text;
}

const accounts = document.getElementById("accounts");
if (accounts) {
  for (const account of (await get("/api/v1/accounts")) ?? []) {
    const row = accounts.tBodies[0].insertRow();
    cell(row, account.name + (account.disabled ? ` (${accounts.dataset.disabled})` : ""));
    cell(row, account.display_name);
    const told = account.grants.map((g) => `${g.role} @ ${g.site}${g.zones ? ` [${g.zones}]` : ""}`);
    cell(row, told.join("; "));
    cell(row, account.second_factor ? accounts.dataset.yes : accounts.dataset.no);
    const button = document.createElement("button");
    button.textContent = account.disabled ? accounts.dataset.enable : accounts.dataset.disable;
    button.addEventListener("click", async () => {
      const verb = account.disabled ? "enable" : "disable";
      const { ok, body } = await post(`/api/v1/accounts/${account.id}/${verb}`, {});
      if (ok) location.reload();
      else document.getElementById("accounts-error").textContent = words(body);
    });
    row.insertCell().append(button);
  }
}

const log = document.getElementById("audit");
if (log) {
  let before = null;
  const more = async () => {
    const entries = (await get(`/api/v1/audit${before ? `?before=${before}` : ""}`)) ?? [];
    for (const entry of entries) {
      const row = log.tBodies[0].insertRow();
      for (const text of [entry.seq, entry.at, entry.actor, entry.action, entry.subject, entry.detail]) {
        cell(row, text);
      }
      before = entry.seq;
    }
    document.getElementById("older").hidden = entries.length < 100;
  };
  document.getElementById("older").addEventListener("click", more);
  await more();
  const verdict = await get("/api/v1/audit/verdict");
  const told = document.getElementById("verdict");
  if (verdict) {
    const text = verdict.fault ? told.dataset.broken : told.dataset.holds;
    told.textContent = `${text} (${verdict.fault ? `${verdict.fault} #${verdict.seq}` : verdict.entries})`;
  }
}
