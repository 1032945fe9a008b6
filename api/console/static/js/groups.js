// What a flood folds: one line a kind, with its newest places and how many wait; it unfolds.

import { byId, make, setOrder, setText } from "./dom.js";
import { waits } from "./store.js";
import { listText, t } from "./texts.js";
import { placeText } from "./titles.js";

const NEWEST_NAMED = 3;

/** Kinds that somebody unfolded, until the flood is over: the next one is folded again. */
export const unfolded = new Set();

const lines = new Map();

/** Bring the lines up to date; alarms under a parent stand with it, in no group. */
export function fillGroups(queue) {
  byId("flood").hidden = !queue.flood;
  if (!queue.flood) unfolded.clear();
  if (queue.flood) setText(byId("flood"), t("desk.flood", { count: queue.count }));
  const keys = new Set(queue.groups.map(({ key }) => key));
  for (const key of lines.keys()) if (!keys.has(key)) lines.delete(key);
  for (const group of queue.groups) {
    if (!lines.has(group.key)) lines.set(group.key, makeLine(group.key));
    fillLine(lines.get(group.key), group);
  }
  setOrder(byId("alarm-groups"), queue.groups.map(({ key }) => lines.get(key).root));
}

function makeLine(key) {
  const line = {
    kind: make("strong"),
    facts: make("span"),
    newest: make("span", { class: "alarm-group-newest" }),
    turn: make("button", { class: "quiet", type: "button", onclick: () => turn(key) }),
  };
  line.root = make("div", { class: "alarm-group", "data-group": key }, line.kind, line.facts, line.turn, line.newest);
  return line;
}

function fillLine(line, { list, open }) {
  const [first] = list;
  const waiting = list.filter(waits).length;
  const facts = [t("alarm.priority", { priority: first.priority })];
  if (waiting) facts.push(t("console.alarms.waiting", { count: waiting }));
  const newest = [...list].sort((a, b) => b.number - a.number).slice(0, NEWEST_NAMED).map(placeText);
  setText(line.kind, t("alarm.group", { kind: t(`alarm.type.${first.type}`), count: list.length }));
  setText(line.facts, facts.join(" · "));
  line.turn.setAttribute("aria-expanded", String(open));
  setText(line.turn, t(open ? "alarm.group.shut" : "alarm.group.open"));
  line.newest.hidden = open;
  setText(line.newest, t("alarm.group.newest", { places: listText(newest) }));
}

function turn(key) {
  if (!unfolded.delete(key)) unfolded.add(key);
  document.dispatchEvent(new Event("desk-changed"));
}
