// What unfolds under an alarm: its history, and the form that closes it.

import { make, setText } from "./dom.js";
import { personText } from "./focus.js";
import { get, post, refusalText } from "./service.js";
import { askForName, onDuty } from "./shift.js";
import { takeAlarm } from "./store.js";
import { has, inLanguage, levelText, reasonText, t } from "./texts.js";
import { momentText } from "./time.js";

const TAKEN = ["people_sent", "flow_held", "exit_opened", "announced", "repaired", "none_needed", "other"];
const CAUSES = ["crowd_relieved", "planned_event", "drill", "false_alarm", "equipment_mended", "other"];

/** Folded details of one alarm; `load()` reads the history anew. */
export function makeDetails(number) {
  const id = `alarm-${number}`;
  const details = {
    number,
    version: 0,
    history: make("ol", { class: "history", tabindex: "0", "aria-label": t("alarm.history") }),
    cause: make(
      "select",
      { id: `${id}-cause`, required: true },
      make("option", { value: "", text: t("alarm.cause.choose") }),
      ...CAUSES.map((cause) => make("option", { value: cause, text: t(`cause_closed.${cause}`) })),
    ),
    taken: make(
      "select",
      { id: `${id}-taken`, required: true },
      make("option", { value: "", text: t("alarm.taken.choose") }),
      ...TAKEN.map((taken) => make("option", { value: taken, text: t(`taken.${taken}`) })),
    ),
    note: make("textarea", { id: `${id}-note`, rows: "2", maxlength: "500" }),
    close: make("button", { type: "submit", text: t("alarm.close") }),
    hint: make("span", { class: "close-hint", role: "status" }),
  };
  const form = make(
    "form",
    { class: "close-form desk-only" },
    make("label", { for: `${id}-cause`, text: t("alarm.cause") }), details.cause,
    make("label", { for: `${id}-taken`, text: t("alarm.taken") }), details.taken,
    make("label", { for: `${id}-note`, text: t("alarm.note") }), details.note,
    make("div", { class: "close-foot" }, details.hint, details.close),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    closeAlarm(details);
  });
  details.root = make(
    "div",
    { class: "details", hidden: true },
    make("h3", { text: t("alarm.history") }), details.history, form,
  );
  details.load = () => load(details);
  return details;
}

/** Follow the alarm: the history is read again when a step was taken. */
export function fillDetails(details, alarm) {
  const active = alarm.condition === "active";
  details.close.disabled = active;
  if (active) setText(details.hint, t("alarm.close_later"));
  else if (details.hint.textContent === t("alarm.close_later")) setText(details.hint, "");
  const changed = details.updatedAt !== alarm.updated_at;
  details.version = alarm.version;
  details.updatedAt = alarm.updated_at;
  if (changed && !details.root.hidden) load(details);
}

async function load(details) {
  const alarm = await get(`/api/v1/alarms/${details.number}`);
  if (alarm === null) return;
  const ticked = alarm.history.some((entry) => entry.action.startsWith("step_"));
  const card = ticked ? await get(`/api/v1/alarms/${details.number}/card`) : null;
  details.history.replaceChildren(...alarm.history.map((entry) => historyRow(entry, alarm.type, card)));
}

/** Kinds of the steps of the site's ladder, by their ids. */
const ladder = JSON.parse(document.body.dataset.ladder);

/** What an entry is about in words; the record holds ids of the site's own files. */
function detailText({ action, detail }, card) {
  if (action === "escalated" && ladder[detail]) return t(`delivery.step.${ladder[detail]}`);
  if (action === "dispatched") return personText(detail);
  if (action.startsWith("step_")) {
    const step = card?.steps.find((one) => `${card.card_id}/${one.id}` === detail);
    if (step) return inLanguage(step.text);
  }
  return has(`taken.${detail}`) ? t(`taken.${detail}`) : detail;
}

/** What was measured then; a fault of equipment has no level, but reasons. */
function evidenceText({ level, people, density_per_m2: density, reasons }, type) {
  if (type !== "crowd") return reasons.map(reasonText).join(" · ");
  if (people === null || density === null) return levelText(level);
  return t("alarm.numbers", { level: levelText(level), people: Math.round(people), density: density.toFixed(1) });
}

function historyRow(entry, type, card) {
  const who = entry.actor === "system" ? t("alarm.system") : entry.actor;
  const numbers = evidenceText(entry.evidence, type);
  const cause = entry.action === "closed" && entry.cause ? t(`cause_closed.${entry.cause}`) : "";
  const taken = detailText(entry, card);
  return make(
    "li",
    {},
    make("time", { text: momentText(entry.at) }),
    make("strong", { text: t(`action.${entry.action}`) }),
    make("span", { text: [who, numbers, cause, taken, entry.note].filter(Boolean).join(" · ") }),
  );
}

async function closeAlarm(details) {
  if (onDuty() === null) {
    askForName();
    return;
  }
  details.close.disabled = true;
  const { ok, body } = await post(`/api/v1/alarms/${details.number}/close`, {
    name: onDuty(), note: details.note.value, cause: details.cause.value,
    taken: details.taken.value, version: details.version,
  });
  details.close.disabled = false;
  setText(details.hint, ok ? "" : refusalText(body));
  if (ok) {
    takeAlarm(body);
    document.dispatchEvent(new Event("desk-changed"));
  }
}
