// A flood of alarms: priority 1 stands by itself, the rest is grouped by kind and can be unfolded.

import { ageOf } from "./time.js";

/** Ten alarms in ten minutes count as a flood. */
export const FLOOD_ALARMS = 10;
export const FLOOD_SPAN_S = 600;

/** The most cards that the queue draws one by one during a flood. */
const MOST_SINGLE = 12;

/** How many of these alarms came within the flood's span. */
export function recentCount(alarms) {
  return alarms.filter((alarm) => ageOf(alarm.received_at) <= FLOOD_SPAN_S).length;
}

/**
 * Divide the queue, which is in the desk's order, into what is drawn by itself and groups.
 * Alarms under a parent are never drawn by themselves. Outside a flood nothing is grouped.
 */
export function divide(open, unfolded) {
  const shown = open.filter((alarm) => alarm.state !== "suppressed");
  const count = recentCount(shown);
  if (count < FLOOD_ALARMS || shown.length <= MOST_SINGLE) return { count, flood: false, single: shown, groups: [] };
  const single = [];
  const groups = new Map();
  for (const alarm of shown) {
    const key = `${alarm.priority}/${alarm.type}`;
    if (alarm.priority === 1 || unfolded.has(key)) single.push(alarm);
    else groups.set(key, [...(groups.get(key) ?? []), alarm]);
  }
  return { count, flood: true, single, groups: [...groups.entries()].map(([key, list]) => ({ key, list })) };
}
