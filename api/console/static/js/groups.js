// What a flood folds: one line a kind, with its newest places and how many wait; it unfolds.

import { byId, make, setOrder, setText } from "./dom.js";
import { waits } from "./store.js";
import { listText, t } from "./texts.js";
import { placeText } from "./titles.js";

const NEWEST_NAMED = 3;

/** Kinds that somebody unfolded. */
export const unfolded = new Set();

const lines = new Map();

/** Bring the lines up to date; alarms under a parent stand with it, in no group. */
export function fillGroups(queue) {
  byId("flood").hidden = !queue.flood;
  if (queue.flood) setText(byId("flood"), t("desk.flood", { count: queue.count }));
  const keys = new Set(queue.groups.map(({ key }) => key));
  for (const key of lines.keys()) if (!keys.has(key)) lines.delete(key);
  for (const group of queue.groups) {
    if (!lines.has(group.key)) lines.set(group.key, makeLine(group.key));
    fillLine(lines.get(group.key), group.list);
  }
  setOrder(byId("alarm-groups"), queue.groups.map(({ key }) => lines.get(key).root));
}

function makeLine(key) {
  const line = {
    kind: make("strong"),
    facts: make("span"),
    newest: make("span", { class: "alarm-group-newest" }),
  };
  const open = make("button", { class: "quiet", type: "button", text: t("alarm.group.open"), onclick: () => unfold(key) });
  line.root = make("div", { class: "alarm-group", "data-group": key }, line.kind, line.facts, open, line.newest);
  return line;
}

function fillLine(line, list) {
  const [first] = list;
  const waiting = list.filter(waits).length;
  const facts = [t("alarm.priority", { priority: first.priority })];
  if (waiting) facts.push(t("console.alarms.waiting", { count: waiting }));
  const newest = [...list].sort((a, b) => b.number - a.number).slice(0, NEWEST_NAMED).map(placeText);
  setText(line.kind, t("alarm.group", { kind: t(`alarm.type.${first.type}`), count: list.length }));
  setText(line.facts, facts.join(" · "));
  setText(line.newest, t("alarm.group.newest", { places: listText(newest) }));
}

function unfold(key) {
  unfolded.add(key);
  document.dispatchEvent(new Event("desk-changed"));
}
