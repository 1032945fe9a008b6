// The action card of the chosen alarm: steps to tick, words to read or to play.

import { byId, make, sayBriefly, setOrder, setText } from "./dom.js";
import { get, post, refusalText } from "./service.js";
import { askForName, onDuty } from "./shift.js";
import { site } from "./store.js";
import { has, inLanguage, listText, t } from "./texts.js";
import { shortTime } from "./time.js";
import { knownReasons, phoneText } from "./titles.js";
import { panel } from "./turned.js";

let shownNumber = null;
let shownAt = "";
let steps = [];
let askAt = 0;
const rows = new Map();

/** Where somebody has to go and look, whatever the fault says of itself. */
const OF_PEOPLE = new Set(["crowd", "panic", "area_blind"]);

/** A card that could not be read is asked for again so soon. */
const AGAIN_MS = 2000;

/**
 * Show the card of an alarm; it is read anew when a step of the alarm was taken. Until it is there
 * nothing is shown, least of all the steps of another alarm.
 */
export async function showCard(alarm) {
  if (alarm === null) {
    shownNumber = null;
    clear("");
    return;
  }
  const stamp = `${alarm.updated_at}/${alarm.peak.level}`;
  const other = shownNumber !== alarm.number;
  if (!other && (shownAt === stamp || performance.now() < askAt)) return;
  if (other) clear(t("card.reading"));
  shownNumber = alarm.number;
  shownAt = stamp;
  askAt = 0;
  const card = await get(`/api/v1/alarms/${alarm.number}/card`);
  if (shownNumber !== alarm.number || shownAt !== stamp) return;
  if (card !== null) {
    draw(card, mendOf(alarm));
    return;
  }
  shownAt = "";
  askAt = performance.now() + AGAIN_MS;
  if (steps.length === 0) setText(byId("card-title"), t("card.unread"));
}

function clear(title) {
  steps = [];
  setText(byId("card-title"), title);
  setText(byId("card-progress"), "");
  setText(byId("card-source"), "");
  rows.clear();
  byId("card-steps").replaceChildren();
}

/** Tick or untick the step at this place, counted from 1. */
export function tickStep(place) {
  const step = steps[place - 1];
  if (step && !site.forPolice) tick(step);
}

/** What mends a fault of equipment: it has no card of the emergency plan, but a mend. */
function mendOf(alarm) {
  // Where people are pressed and the camera fails, somebody must go there all the same.
  if (alarm.type === "crowd") return "";
  if (alarm.condition === "gone" && !OF_PEOPLE.has(alarm.type)) return t("card.recovered");
  const mends = knownReasons(alarm).map((reason) => `cause.${reason.rule}.mend`).filter(has).map((key) => t(key));
  const dial = alarm.type === "delivery" ? phoneText(alarm) : "";
  return [...mends, dial].filter(Boolean).join(" · ");
}

function draw(card, mend = "") {
  steps = card.steps;
  const none = card.card_id === null;
  setText(byId("card-title"), none ? mend || t("card.none") : inLanguage(card.title));
  const done = steps.filter((step) => step.done !== null).length;
  setText(byId("card-progress"), none ? "" : t("card.progress", { done, count: steps.length }));
  const plan = card.plan_title;
  setText(byId("card-source"), plan ? t("card.source", { plan: inLanguage(plan), edition: card.edition }) : "");
  fillSteps();
}

/** What did not change stays: a recording that plays, the place of the keyboard. */
function fillSteps() {
  const next = steps.find((one) => one.done === null);
  const list = byId("card-steps");
  const held = list.contains(document.activeElement) ? document.activeElement.id : "";
  const made = steps.map((step, index) => {
    const wanted = JSON.stringify([step, index, step === next]);
    if (rows.get(step.id)?.wanted !== wanted) rows.set(step.id, { wanted, root: row(step, index, step === next) });
    return rows.get(step.id).root;
  });
  setOrder(list, made);
  if (held && document.activeElement?.id !== held) byId(held)?.focus();
}

function row(step, index, isNext) {
  const id = `step-${index + 1}`;
  const box = make("input", { type: "checkbox", id, checked: step.done !== null, disabled: site.forPolice });
  box.addEventListener("change", () => {
    if (!tick(step)) box.checked = step.done !== null;
  });
  const people = step.who.map((one) => `${inLanguage(one.role)} ${inLanguage(one.name)} ${one.phone}`.trim());
  return make(
    "li",
    {
      class: "step", "data-step": step.id, "data-done": step.done === null ? "no" : "yes",
      "data-next": isNext ? "yes" : "no",
    },
    make("kbd", { text: String(index + 1) }),
    box,
    make(
      "label",
      { for: id },
      make("strong", { text: inLanguage(step.text) }),
      people.length ? make("span", { text: t("card.who", { people: listText(people) }) }) : null,
      step.done
        ? make("span", { class: "step-done", text: t("card.done", { name: step.done.name, time: shortTime(step.done.at) }) })
        : null,
    ),
    step.announcement ? announcement(step.announcement) : null,
  );
}

function announcement(words) {
  const box = make(
    "blockquote",
    { class: "announcement" },
    make("span", { text: `${t("card.read")} · ${inLanguage(words.where)}` }),
    make("p", { text: inLanguage(words.text) }),
  );
  if (words.audio_url) {
    box.append(make("audio", { src: words.audio_url, controls: true, preload: "none", "aria-label": t("card.play") }));
  }
  return box;
}

/** Whether the step could be taken now; it is then sent. */
function tick(step) {
  if (panel.justNow(byId("focus-refusal"))) return false;
  if (onDuty() === null) {
    askForName();
    return false;
  }
  send(step);
  return true;
}

async function send(step) {
  const path = `/api/v1/alarms/${shownNumber}/card/steps/${encodeURIComponent(step.id)}`;
  const { ok, body } = await post(path, { name: onDuty(), done: step.done === null });
  if (ok && body.alarm_number === shownNumber) draw(body);
  sayBriefly(byId("focus-refusal"), ok ? "" : refusalText(body));
}
