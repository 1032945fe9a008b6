// Forms of the account pages: they send JSON with the session's token and show what was refused.

import { sending } from "/console/js/request.js";

/** The page's language, `zh` or `en`. */
export const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/** POST JSON; never throws. */
export async function post(path, body) {
  try {
    const answer = await fetch(path, sending(body));
    return { ok: answer.ok, body: await answer.json() };
  } catch {
    return { ok: false, body: null };
  }
}

/** What a refusal says: the fact and what to do. */
export function words(body) {
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

/** A role as the service takes it, from what was typed. */
export function grantOf({ role, site, zones, until }) {
  const ids = zones.split(/[\s,，]+/).filter(Boolean);
  return { role, site, zones: ids.length ? ids : null, until: until ? `${until}T23:59:59+08:00` : null };
}

function fields(form) {
  const body = {};
  for (const input of form.elements) {
    if (input.name) body[input.name] = input.type === "checkbox" ? input.checked : input.value;
  }
  if (form.id !== "add") return body;
  const { role, site, zones, until, ...account } = body;
  return { ...account, grants: [grantOf({ role, site, zones, until })] };
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

/** GET JSON; null when it fails. */
export async function get(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

const code = new URLSearchParams(location.hash.slice(1)).get("code");
const codeField = document.querySelector('form[data-post="/api/v1/set-up"] input[name="code"]');
if (code && codeField) codeField.value = code;

/** Append a cell that holds a text. */
export function cell(row, text) {
  row.insertCell().textContent = text;
}

const moment = new Intl.DateTimeFormat("sv-SE", {
  timeZone: document.body.dataset.timezone, year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit",
});

/** "2026-12-01 03:21:26" in the site's time zone. */
export const momentText = (iso) => moment.format(new Date(iso));

/** A button that stands in a table. */
export function button(text, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", pressed);
  return made;
}
