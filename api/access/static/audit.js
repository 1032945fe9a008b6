// The audit log: its newest entries, those that were asked for, and whether its chain holds.

import { cell, get, lang, momentText } from "./access.js";

const PAGE = 100;
const log = document.getElementById("audit");
const form = document.getElementById("filter");
const older = document.getElementById("older");
const none = document.getElementById("none");
const told = document.getElementById("verdict");

let before = null;
let asked = 0;

async function more() {
  const mine = asked;
  const wanted = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  if (before !== null) wanted.set("before", before);
  const entries = await get(`/api/v1/audit?${wanted}`);
  if (mine !== asked) return;
  for (const entry of entries ?? []) {
    const row = log.tBodies[0].insertRow();
    const { actor, act, subject, detail } = entry[lang];
    const who = entry.account && entry.account !== entry.actor ? `${actor} (${entry.account})` : actor;
    for (const text of [entry.seq, momentText(entry.at), who, act, subject, detail]) cell(row, text);
    // What is kept, for whoever compares it with a copy.
    row.title = `${entry.action} ${entry.detail}`;
    before = entry.seq;
  }
  older.hidden = (entries?.length ?? 0) < PAGE;
  none.hidden = entries !== null && log.tBodies[0].rows.length > 0;
  none.textContent = entries === null ? none.dataset.failed : none.dataset.none;
}

function begin() {
  asked += 1;
  before = null;
  log.tBodies[0].replaceChildren();
  return more();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  begin();
});
older.addEventListener("click", more);
await begin();
const verdict = await get("/api/v1/audit/verdict");
told.classList.toggle("broken", verdict !== null && verdict.fault !== "");
if (verdict === null) told.textContent = told.dataset.failed;
else if (verdict.fault) told.textContent = `✕ ${told.dataset.broken} · ${verdict.words[lang]}`;
else told.textContent = `✓ ${told.dataset.holds} · ${told.dataset.entries.replace("{count}", verdict.entries)}`;
