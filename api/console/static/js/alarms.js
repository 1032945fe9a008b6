// The alarm column: the worst stands first.

import { byId, make, sayBriefly, setOrder, setShape, setText, shape } from "./dom.js";
import { fillDetails, makeDetails } from "./details.js";
import { divide } from "./flood.js";
import { choose, chosenNumber, panelNumber, takeToBeSeen } from "./focus.js";
import { fillGroups, unfolded } from "./groups.js";
import { fillRecent } from "./recent.js";
import { post, refusalText } from "./service.js";
import { askForName, onDuty } from "./shift.js";
import { announceNew } from "./spoken.js";
import { alarms, openAlarms, severity, site, takeAlarm, waits, zones } from "./store.js";
import { counted, inLanguage, levelText, listText, reasonText, t } from "./texts.js";
import { ageOf, agoText, shortTime, spanText } from "./time.js";
import { childrenOf, knownReasons, placeText, signShape, signText } from "./titles.js";
import { panel, Places } from "./turned.js";
import { shownLevel } from "./zones.js";

const LATE_S = 10;
/** As the style sheet has it: there the alarms and the rest stand one below the other. */
const ON_PHONE = matchMedia("(max-width: 900px)");

const cards = new Map();
const acknowledging = new Set();
const places = new Places();

/** Bring the column up to date; returns the priority that must sound, or null. */
export function renderAlarms() {
  const open = openAlarms();
  const queue = divide(open, unfolded, isUnfolded);
  const chosen = chosenNumber();
  const numbers = new Set(queue.single.map((alarm) => alarm.number));
  for (const number of cards.keys()) if (!numbers.has(number)) cards.delete(number);
  for (const alarm of queue.single) {
    if (!cards.has(alarm.number)) cards.set(alarm.number, makeCard(alarm.number));
    fillCard(cards.get(alarm.number), alarm);
    cards.get(alarm.number).root.classList.toggle("is-chosen", alarm.number === chosen);
  }
  const rows = queue.single.map((alarm) => cards.get(alarm.number).root);
  setOrder(byId("alarm-list"), withPanel(rows, cards.get(chosen)?.root));
  fillGroups(queue);
  cards.get(takeToBeSeen())?.root.scrollIntoView({ block: "nearest" });
  announceNew(open);
  const waiting = open.filter(waits);
  fillCounts(open, waiting);
  fillRecent();
  notePlaces();
  return waiting.length ? Math.min(...waiting.map((alarm) => alarm.priority)) : null;
}

/**
 * On a phone what to do stands under its alarm, not under all of them; one that is folded in a group
 * has none. On a screen it stands beside.
 */
function withPanel(rows, chosen) {
  const [panelOf, beside] = [byId("focus"), document.querySelector(".places")];
  if (ON_PHONE.matches && rows.length) {
    return rows.flatMap((row, place) =>
      row === chosen || (!chosen && place === rows.length - 1) ? [row, panelOf] : [row],
    );
  }
  if (panelOf.parentElement !== beside) {
    beside.insertBefore(panelOf, beside.querySelector(":scope > section:not(.contacts)"));
  }
  return rows;
}

/** Acknowledge the chosen alarm. Where it does not wait, the worst that does takes the panel instead:
    nobody acknowledges what was not before their eyes. */
export function acknowledgeChosen() {
  if (panel.justNow(byId("focus-refusal"))) return;
  const open = openAlarms();
  const chosen = open.find((alarm) => alarm.number === panelNumber());
  if (chosen && waits(chosen)) {
    acknowledge(chosen.number);
    return;
  }
  const worst = open.find(waits);
  if (!worst) return;
  panel.note();
  choose(worst.number);
}

/** Open the form that closes the chosen alarm. */
export function closeChosen() {
  const card = cards.get(chosenNumber());
  if (!card) return;
  if (card.details.root.hidden) toggle(card);
  card.details.cause.focus();
}

/** Whether somebody reads or fills in what unfolds under an alarm. */
const isUnfolded = (alarm) => cards.get(alarm.number)?.details.root.hidden === false;

/** See where the buttons stand now that all is drawn. */
function notePlaces() {
  places.note([...cards].map(([number, card]) => [number, card.acknowledge]), byId("alarms").scrollTop);
}

function makeCard(number) {
  const card = {
    number,
    shape: shape("UNKNOWN"),
    level: make("span", { class: "alarm-level" }),
    place: make("h2", { class: "alarm-place" }),
    density: make("strong", { class: "alarm-density" }),
    facts: make("span", { class: "alarm-facts" }),
    why: make("p", { class: "alarm-why" }),
    state: make("span", { class: "alarm-state" }),
    age: make("span", { class: "alarm-age" }),
    plan: make("a", { class: "alarm-plan", href: "/coverage", target: "_blank", rel: "noopener", hidden: true, text: t("alarm.area_blind.link") }),
    refusal: make("p", { class: "alarm-refusal", role: "alert" }),
    acknowledge: make("button", {
      class: "alarm-acknowledge", type: "button",
      text: t("alarm.acknowledge"),
      onclick: (event) => {
        if (!places.justCame(number, event, card.refusal)) acknowledge(number);
      },
    }),
    more: make("button", {
      class: "quiet", type: "button", "aria-expanded": "false",
      text: t("alarm.details"), onclick: () => toggle(card),
    }),
    details: makeDetails(number),
    version: 0,
  };
  card.root = make(
    "article",
    { class: "alarm", "data-alarm": number, onclick: () => choose(number) },
    make("div", { class: "alarm-sign" }, card.shape, card.level),
    make(
      "div",
      { class: "alarm-body" },
      make("div", { class: "alarm-title" }, card.place, card.age),
      make("p", { class: "alarm-numbers" }, card.density, card.facts),
      card.why,
      card.refusal,
      make("div", { class: "alarm-foot" }, card.state, card.plan, card.more, card.acknowledge),
      card.details.root,
    ),
  );
  return card;
}

function fillCard(card, alarm) {
  const waiting = waits(alarm);
  card.version = alarm.version;
  Object.assign(card.root.dataset, {
    priority: alarm.priority, state: alarm.state, condition: alarm.condition, type: alarm.type,
  });
  setShape(card.shape, signShape(alarm));
  setText(card.level, signText(alarm));
  setText(card.place, placeText(alarm));
  // Only who may open the page is led there, and the desk stays where it is.
  card.plan.hidden = alarm.type !== "area_blind" || document.body.dataset.coverage !== "yes";
  setText(card.age, t("alarm.opened", { age: agoText(ageOf(alarm.opened_at)) }));
  fillNumbers(card, alarm);
  setText(card.state, stateText(alarm));
  card.acknowledge.hidden = !waiting;
  fillDetails(card.details, alarm);
}

function fillNumbers(card, alarm) {
  if (alarm.type !== "crowd") {
    const names = alarm.zone_ids.map((id) => zones.get(id)).filter(Boolean).map((z) => inLanguage(z.name));
    card.density.hidden = true;
    const under = childrenOf(alarm.number).length;
    const told = [];
    if (under) told.push(counted("alarm.children", under));
    if (names.length && alarm.type.endsWith("_lost")) told.push(t("alarm.camera_lost.zones", { zones: listText(names) }));
    if (names.length && alarm.type === "recording_stopped") told.push(t("alarm.recording_stopped.zones", { zones: listText(names) }));
    setText(card.facts, told.join(" · "));
    setText(card.why, knownReasons(alarm).map(reasonText).join(" · "));
    return;
  }
  const zone = zones.get(alarm.subject_id);
  const seen = zone && shownLevel(zone) !== "UNKNOWN" && zone.density_per_m2 !== null;
  card.density.hidden = !seen;
  if (seen) {
    setText(card.density, `${zone.density_per_m2.toFixed(1)} ${t("console.zone.per_m2")}`);
    const people = t("console.zone.people", { people: Math.round(zone.people) });
    setText(card.facts, [people, t("alarm.now", { level: levelText(zone.level) }), ...extras(alarm)].join(" · "));
  } else {
    const words = [t("alarm.condition.unknown"), peakText(alarm), ...extras(alarm)];
    setText(card.facts, words.join(" · "));
  }
  const reasons = alarm.condition === "active" ? alarm.now.reasons : alarm.peak.reasons;
  setText(card.why, reasons.map(reasonText).join(" · "));
}

function peakText(alarm) {
  const density = alarm.peak.density_per_m2;
  const level = t("alarm.peak", { level: levelText(alarm.peak.level) });
  return density === null ? level : `${level}, ${density.toFixed(1)} ${t("console.zone.per_m2")}`;
}

function extras(alarm) {
  const words = [];
  if (alarm.repeats > 0) words.push(counted("alarm.repeats", alarm.repeats));
  const late = (Date.parse(alarm.received_at) - Date.parse(alarm.opened_at)) / 1000;
  if (late > LATE_S) words.push(t("alarm.delayed", { age: spanText(late) }));
  return words;
}

function stateText(alarm) {
  const words = [];
  if (alarm.state === "acknowledged" && alarm.acknowledged) {
    const { name, at } = alarm.acknowledged;
    words.push(t("alarm.acknowledged_by", { name, time: shortTime(at) }));
  } else words.push(t(`alarm.state.${alarm.state}`));
  if (alarm.state === "acknowledged" && alarm.condition !== "active") {
    words.push(t(`alarm.condition.${alarm.condition}`));
    if (alarm.latched) words.push(t("alarm.latched"));
  }
  return words.join(" · ");
}

/** An alarm in a folded group is acknowledged as well; it has no card to show a refusal on. */
async function acknowledge(number) {
  const alarm = alarms.get(number);
  const card = cards.get(number);
  if (!alarm || acknowledging.has(number)) return;
  if (onDuty() === null) {
    askForName();
    return;
  }
  acknowledging.add(number);
  if (card) card.acknowledge.disabled = true;
  const { ok, body } = await post(`/api/v1/alarms/${number}/acknowledge`, {
    name: onDuty(), note: "", version: alarm.version,
  });
  acknowledging.delete(number);
  if (card) card.acknowledge.disabled = false;
  sayBriefly(card ? card.refusal : byId("focus-refusal"), ok ? "" : refusalText(body));
  if (ok) {
    takeAlarm(body);
    document.dispatchEvent(new Event("desk-changed"));
  }
}

function toggle(card) {
  const open = card.details.root.hidden;
  card.details.root.hidden = !open;
  card.more.setAttribute("aria-expanded", String(open));
  if (open) card.details.load();
}

const WARNING = 2;

/** What stands where no alarm does: as calm as the zones are, and as certain as the link is. */
function fillCalm() {
  const severities = [...zones.values()].map((zone) => severity(shownLevel(zone)));
  const unseen = severities.filter((one) => one < 0).length;
  const seen = severities.length - unseen;
  const warned = severities.filter((one) => one >= WARNING).length;
  const told = !site.silent && site.unkept === null;
  const calm = told && seen > 0 && unseen === 0 && warned === 0;
  byId("alarm-none").dataset.calm = calm ? "yes" : "no";
  byId("calm-shape").setAttribute("href", calm ? "#shape-L0" : "#shape-UNKNOWN");
  const none = site.forPolice ? "desk.police.none" : "console.alarms.none";
  const untold = site.silent ? "console.alarms.not_told" : "console.unkept.calm";
  setText(byId("calm-title"), t(told ? none : untold));
  // The police room is told of some alarms only: the others show in the levels.
  const levels = warned ? "console.alarms.none_warned" : "console.alarms.none_seen";
  setText(byId("calm-seen"), seen && !site.silent ? t(levels, { seen, count: warned }) : "");
  setText(byId("calm-unseen"), unseen ? t("console.alarms.none_unseen", { count: unseen }) : "");
}

function fillCounts(open, waiting) {
  const waitingCount = byId("alarms-waiting");
  waitingCount.hidden = waiting.length === 0;
  setText(waitingCount, t("console.alarms.waiting", { count: waiting.length }));
  const openCount = byId("alarms-open");
  openCount.hidden = open.length === 0;
  setText(openCount, t("console.alarms.open", { count: open.length }));
  const leftOut = byId("alarms-left-out");
  leftOut.hidden = site.leftOut === 0;
  setText(leftOut, t("console.alarms.left_out", { count: site.leftOut }));
  byId("alarm-none").hidden = open.length > 0;
  fillCalm();
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = waiting.length ? `(${waiting.length}) ${title}` : title;
}
