// A flood of alarms: what is urgent stands by itself, the rest is grouped by kind and can be unfolded.

import { severity, waits } from "./store.js";
import { ageOf } from "./time.js";

/** Ten alarms in ten minutes count as a flood. */
export const FLOOD_ALARMS = 10;
export const FLOOD_SPAN_S = 600;

/** The most cards that the queue draws one by one during a flood, beside priority 1. */
const MOST_SINGLE = 12;
/** Fewer of a kind than this are no group: a line for two would name less and save nothing. */
const LEAST_GROUP = 3;
const URGENT_SEVERITY = 3;

/** How many of these alarms came within the flood's span. */
export function recentCount(alarms) {
  return alarms.filter((alarm) => ageOf(alarm.received_at) <= FLOOD_SPAN_S).length;
}

/** Somebody must go there, and nobody has said that they will. */
function urgent(alarm) {
  return alarm.type === "panic" ||
    (waits(alarm) && alarm.type === "crowd" && severity(alarm.peak.level) >= URGENT_SEVERITY);
}

/**
 * Divide the queue, which is in the desk's order, into what is drawn by itself and groups.
 * Alarms under a parent are never drawn by themselves, those that `inUse(alarm)` names always are:
 * somebody may be writing there. A group whose kind is in `unfolded` is told as one, and its alarms
 * are drawn by themselves all the same. Outside a flood nothing is grouped.
 */
export function divide(open, unfolded, inUse) {
  const shown = open.filter((alarm) => alarm.state !== "suppressed");
  const count = recentCount(shown);
  if (count < FLOOD_ALARMS || shown.length <= MOST_SINGLE) return { count, flood: false, single: shown, groups: [] };
  const kept = new Set(shown.filter((alarm) => alarm.priority === 1 || inUse(alarm)));
  for (const alarm of shown) if (kept.size < MOST_SINGLE && urgent(alarm)) kept.add(alarm);
  const groups = new Map();
  for (const alarm of shown) {
    const key = `${alarm.priority}/${alarm.type}`;
    if (!kept.has(alarm)) groups.set(key, [...(groups.get(key) ?? []), alarm]);
  }
  for (const [key, list] of groups) if (list.length < LEAST_GROUP) groups.delete(key);
  const folded = new Set([...groups].flatMap(([key, list]) => (unfolded.has(key) ? [] : list)));
  return {
    count,
    flood: true,
    single: shown.filter((alarm) => !folded.has(alarm)),
    groups: [...groups].map(([key, list]) => ({ key, list, open: unfolded.has(key) })),
  };
}
