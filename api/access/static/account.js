// One's own account: who this is, and where it is signed in.

import { button, cell, get, momentText, post, words } from "./access.js";

const me = document.getElementById("me");
const body = await get("/api/v1/me");
if (body) {
  const roles = JSON.parse(me.dataset.roles);
  const held = body.roles.filter((role) => role !== "member").map((role) => roles[role] ?? role);
  me.textContent = [body.name, body.account, held.join(me.dataset.comma) || me.dataset.none].join(" · ");
}

const table = document.getElementById("sessions");
const others = document.getElementById("end-others");
const told = document.getElementById("sessions-told");

function show(sessions) {
  table.tBodies[0].replaceChildren();
  for (const session of sessions) {
    const row = table.tBodies[0].insertRow();
    cell(row, session.address);
    cell(row, momentText(session.began_at));
    cell(row, momentText(session.seen_at));
    const end = row.insertCell();
    if (session.here) end.textContent = table.dataset.here;
    else end.append(button(table.dataset.end, () => act(`/api/v1/me/sessions/${session.id}/end`)));
  }
  others.disabled = sessions.every((session) => session.here);
}

async function act(path) {
  const { ok, body: left } = await post(path, {});
  told.className = ok ? "done" : "";
  told.textContent = ok ? table.dataset.done : words(left);
  if (ok) show(left);
}

others.addEventListener("click", () => act("/api/v1/me/sessions/end-others"));
const sessions = await get("/api/v1/me/sessions");
if (sessions) show(sessions);
else told.textContent = words(null);
