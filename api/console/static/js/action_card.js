// The action card of the chosen alarm: steps to tick, words to read or to play.

import { byId, make, setText } from "./dom.js";
import { get, post, refusalText } from "./service.js";
import { askForName, onDuty } from "./shift.js";
import { site } from "./store.js";
import { has, inLanguage, t } from "./texts.js";
import { shortTime } from "./time.js";
import { phoneText } from "./titles.js";

let shownNumber = null;
let shownAt = "";
let steps = [];

/** Show the card of an alarm; it is read anew when a step of the alarm was taken. */
export async function showCard(alarm) {
  if (alarm === null) {
    shownNumber = null;
    byId("card-steps").replaceChildren();
    return;
  }
  const stamp = `${alarm.updated_at}/${alarm.peak.level}`;
  if (shownNumber === alarm.number && shownAt === stamp) return;
  shownNumber = alarm.number;
  shownAt = stamp;
  const card = await get(`/api/v1/alarms/${alarm.number}/card`);
  if (card !== null && shownNumber === card.alarm_number) draw(card, mendOf(alarm));
}

/** Tick or untick the step at this place, counted from 1. */
export function tickStep(place) {
  const step = steps[place - 1];
  if (step && !site.forPolice) tick(step);
}

/** What mends a fault of equipment: it has no card of the emergency plan, but a mend. */
function mendOf(alarm) {
  const mends = alarm.now.reasons.map((reason) => `cause.${reason.rule}.mend`).filter(has).map((key) => t(key));
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
  byId("card-steps").replaceChildren(...steps.map(row));
}

function row(step, index) {
  const id = `step-${index + 1}`;
  const box = make("input", { type: "checkbox", id, checked: step.done !== null, disabled: site.forPolice });
  box.addEventListener("change", () => tick(step));
  const people = step.who.map((one) => `${inLanguage(one.role)} ${inLanguage(one.name)} ${one.phone}`.trim());
  return make(
    "li",
    {
      class: "step", "data-step": step.id, "data-done": step.done === null ? "no" : "yes",
      "data-next": steps.find((one) => one.done === null) === step ? "yes" : "no",
    },
    make("kbd", { text: String(index + 1) }),
    box,
    make(
      "label",
      { for: id },
      make("strong", { text: inLanguage(step.text) }),
      people.length ? make("span", { text: t("card.who", { people: people.join("、") }) }) : null,
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

async function tick(step) {
  if (onDuty() === null) {
    askForName();
    return;
  }
  const path = `/api/v1/alarms/${shownNumber}/card/steps/${encodeURIComponent(step.id)}`;
  const { ok, body } = await post(path, { name: onDuty(), done: step.done === null });
  if (ok && body.alarm_number === shownNumber) draw(body);
  setText(byId("focus-refusal"), ok ? "" : refusalText(body));
}
