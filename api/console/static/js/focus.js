// The chosen alarm: its card, its place, its recording, and what a person can do about it.

import { showCard } from "./action_card.js";
import { byId, make, sayBriefly, setText } from "./dom.js";
import { drawPlan } from "./place_plan.js";
import { getInTheEnd, post, refusalText } from "./service.js";
import { askForName, onDuty } from "./shift.js";
import { alarms, openAlarms, ranks, takeAlarm, waitOf, waits, zones } from "./store.js";
import { counted, inLanguage, t } from "./texts.js";
import { ageOf, serverNow, shortTime, spanText } from "./time.js";
import { placeText } from "./titles.js";
import { showTold } from "./told.js";
import { panel } from "./turned.js";
import { shownLevel } from "./zones.js";

const SHELF_MINUTES = 30;
const CLIP_AGAIN_MS = 5000;
/** Whoever works at the desk is not torn away to what is no worse; after so long nobody does. */
const AT_WORK_MS = 60_000;

let chosen = null;
/** What waited when it was chosen: whoever chose had it before their eyes. */
let passedOver = new Set();
let usedAt = -Infinity;
let shown = null;
let people = [];
let clipOf = null;

/** Who was sent, by the id that the plan gives them. */
export function personText(id) {
  const person = people.find((one) => one.id === id);
  return person ? `${inLanguage(person.role)} ${inLanguage(person.name)}` : id;
}

/** The number of the chosen alarm: the one that a person chose, else the worst. */
export function chosenNumber() {
  const open = openAlarms();
  const mine = open.find((alarm) => alarm.number === chosen);
  if (mine && !isOvertaken(mine, open)) return chosen;
  chosen = null;
  return open[0]?.number ?? null;
}

/** Choose an alarm. */
export function choose(number) {
  chosen = number;
  passedOver = new Set(openAlarms().filter(waits).map(waitOf));
  document.dispatchEvent(new Event("desk-changed"));
}

/** A choice of this morning must not keep what to do in the crush of now out of the panel. */
function isOvertaken(mine, open) {
  const idle = performance.now() - usedAt > AT_WORK_MS;
  return open.some(
    (alarm) =>
      waits(alarm) && alarm !== mine && !passedOver.has(waitOf(alarm)) && ranks(alarm, mine) < 0 &&
      (alarm.priority < mine.priority || (idle && !waits(mine))),
  );
}

/** The alarm that stands in the panel. What came since it was drawn nobody has seen yet. */
export const panelNumber = () => shown;

let toBeSeen = null;

/** The alarm that was chosen by key and must come into sight once it is drawn; told once. */
export function takeToBeSeen() {
  const number = toBeSeen;
  toBeSeen = null;
  return number;
}

/** Choose the next (+1) or the previous (-1) alarm of the queue. */
export function move(by) {
  const list = openAlarms();
  const place = list.findIndex((alarm) => alarm.number === chosenNumber());
  const next = list[Math.min(Math.max(place + by, 0), list.length - 1)];
  if (!next) return;
  toBeSeen = next.number;
  choose(next.number);
}

/** Follow the panel's buttons; read who can be sent. */
export async function setUpFocus() {
  const acts = { confirm: "confirm", reject: "reject", escalate: "escalate", release: "release" };
  for (const [id, act] of Object.entries(acts)) {
    // The second click of a double click may meet the answer of the first: it would be a second step.
    byId(`focus-${id}`).addEventListener("click", (event) => {
      if (event.detail < 2) step(act);
    });
  }
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => {
      usedAt = performance.now();
    });
  }
  byId("clip-player").addEventListener("error", clipFailed);
  byId("focus-shelve").addEventListener("click", shelve);
  // To go through the list of people is not yet to send one.
  byId("focus-sending").addEventListener("submit", (event) => {
    event.preventDefault();
    dispatch();
  });
  byId("focus-sending").addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaveDispatch();
    // Some browsers open the list at Enter: once somebody is chosen it leads to the button.
    if (event.key === "Enter" && event.target.id === "focus-dispatch" && event.target.value !== "") {
      event.preventDefault();
      byId("focus-send").focus();
    }
  });
  ({ people } = await getInTheEnd("/api/v1/people"));
  byId("focus-dispatch").append(
    ...people.map((one) =>
      make("option", { value: one.id, text: `${inLanguage(one.role)} ${inLanguage(one.name)} ${one.phone}` })),
  );
}

/** Bring the panel up to date. */
export function renderFocus() {
  const alarm = alarms.get(chosenNumber()) ?? null;
  byId("focus").hidden = alarm === null;
  turnTo(alarm?.number ?? null);
  if (alarm === null) {
    showCard(null);
    return;
  }
  byId("focus").dataset.number = alarm.number;
  setText(byId("focus-place"), `${t("alarm.number", { number: alarm.number })} · ${placeText(alarm)}`);
  setText(byId("focus-facts"), facts(alarm).join(" · "));
  const pending = alarm.check?.verdict === "pending";
  byId("focus-check").hidden = !pending;
  if (pending) {
    const left = Math.max(0, Math.ceil((Date.parse(alarm.check.due_at) - serverNow()) / 1000));
    setText(byId("focus-check-text"), t("alarm.check.pending", { seconds: left }));
  }
  const mayShelve = document.body.dataset.shelve === "yes";
  byId("focus-release").hidden = !mayShelve || !["shelved", "out_of_service"].includes(alarm.state);
  const never = alarm.type === "panic" || (alarm.type === "crowd" && alarm.priority === 1);
  for (const id of ["focus-shelve", "focus-reason"]) byId(id).hidden = !mayShelve || never || alarm.hold !== null;
  showCard(alarm);
  showTold(alarm);
  drawPlan(alarm.zone_ids, (id) => (zones.has(id) ? shownLevel(zones.get(id)) : "UNKNOWN"), contacts());
  showClip(alarm);
}

/** What the contacts of the doors say, by door; one whose zone is told of no more says nothing. */
function contacts() {
  const told = new Map();
  for (const zone of zones.values()) {
    const old = shownLevel(zone) === "UNKNOWN";
    for (const door of zone.doors) if (!old || !told.has(door.id)) told.set(door.id, old ? "unknown" : door.state);
  }
  return told;
}

/** The panel is about another alarm: nothing of the one before may stay. */
function turnTo(number) {
  if (number === shown) return;
  if (shown !== null && number !== chosen) panel.note();
  shown = number;
  // A reason that was being typed was meant for the alarm before.
  sayBriefly(byId("focus-refusal"), byId("focus-reason").value === "" ? "" : t("alarm.turned"));
  byId("focus-reason").value = "";
  byId("focus-dispatch").value = "";
}

/** Take a step that needs nothing but a name: confirm, reject, escalate, release. */
export async function step(act, more = {}) {
  const alarm = alarms.get(shown);
  if (!alarm || panel.justNow(byId("focus-refusal"))) return;
  if (onDuty() === null) {
    askForName();
    return;
  }
  const values = { name: onDuty(), note: "", version: alarm.version, ...more };
  const { ok, body } = await post(`/api/v1/alarms/${alarm.number}/${act}`, values);
  sayBriefly(byId("focus-refusal"), ok ? "" : refusalText(body));
  if (ok) {
    takeAlarm(body);
    document.dispatchEvent(new Event("desk-changed"));
  }
}

async function dispatch() {
  const person = byId("focus-dispatch").value;
  if (person === "" || panel.justNow(byId("focus-refusal"))) return;
  leaveDispatch();
  await step("dispatch", { person });
}

/** Give the keys back to the desk. */
function leaveDispatch() {
  byId("focus-dispatch").value = "";
  if (byId("focus-sending").contains(document.activeElement)) document.activeElement.blur();
}

async function shelve() {
  const reason = byId("focus-reason").value.trim();
  if (reason.length < 2) {
    byId("focus-reason").focus();
    return;
  }
  await step("shelve", { minutes: SHELF_MINUTES, reason });
  byId("focus-reason").value = "";
}

function facts(alarm) {
  const words = [t(`alarm.state.${alarm.state}`)];
  if (waits(alarm) && alarm.waiting_since) {
    words.push(t("alarm.waiting", { age: spanText(ageOf(alarm.waiting_since)) }));
  }
  if (alarm.escalated > 0) words.push(counted("alarm.escalated", alarm.escalated));
  if (alarm.check?.verdict === "rejected") words.push(t("alarm.check.rejected", { name: alarm.check.by.name }));
  if (alarm.dispatched) {
    const sent = people.find((one) => one.id === alarm.dispatched.note);
    const person = sent ? inLanguage(sent.name) : alarm.dispatched.note;
    words.push(t("alarm.dispatched", { person, time: shortTime(alarm.dispatched.at) }));
  }
  if (alarm.hold?.until) {
    words.push(t("alarm.held_until", { time: shortTime(alarm.hold.until), reason: alarm.hold.reason }));
  }
  return words;
}

/** The recording comes when the evidence is there; until then the place for it says so. */
async function showClip(alarm) {
  if (onDuty() === null) {
    // Recordings, like live pictures, are for somebody who is named.
    if (clipOf?.number !== null) fillClip("");
    clipOf = { number: null };
    setText(byId("clip-none"), t("desk.clip.hidden"));
    return;
  }
  if (!alarm.zone_ids.length) {
    // Clips are of the cameras that see the alarm's zones.
    if (clipOf?.number !== null) fillClip("");
    clipOf = { number: null };
    setText(byId("clip-none"), t("desk.clip.never"));
    return;
  }
  if (clipOf?.number === alarm.number && (clipOf.ready || performance.now() < clipOf.askAt)) return;
  if (clipOf?.number !== alarm.number) fillClip("");
  clipOf = { number: alarm.number, ready: false, askAt: performance.now() + CLIP_AGAIN_MS };
  const url = `/api/v1/alarms/${alarm.number}/clip`;
  let ready = false;
  try {
    ready = (await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(4000) })).ok;
  } catch {
    ready = false;
  }
  if (clipOf.number !== alarm.number) return;
  clipOf.ready = ready;
  fillClip(ready ? url : "");
}

/** What was there may be gone, or refused: it is asked for again in a while. */
function clipFailed() {
  if (clipOf === null || !clipOf.ready) return;
  clipOf = { ...clipOf, ready: false, askAt: performance.now() + CLIP_AGAIN_MS };
  fillClip("");
}

function fillClip(url) {
  const player = byId("clip-player");
  byId("clip-none").hidden = url !== "";
  setText(byId("clip-none"), t("desk.clip.none"));
  player.hidden = url === "";
  if (url) player.src = url;
  else player.removeAttribute("src");
}
