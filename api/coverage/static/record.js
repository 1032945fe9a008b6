// How coverage changed in the last day, as far as the page holds it.

import { ask } from "./page.js";

const KEPT_MS = 86_400_000;

let changes = [];
let cut = false;

const ms = (change) => Date.parse(change.at);

/** Ask for what came since the newest change that is held. */
export async function followRecord() {
  const newest = changes.at(-1)?.at;
  const from = newest === undefined ? "" : `?from=${encodeURIComponent(newest)}`;
  const told = await ask(`/api/v1/coverage/changes${from}`);
  const [first] = told.changes;
  if (first === undefined) return;
  // Where something was left out, what is held from before no longer joins on.
  const held = told.cut ? [] : changes.filter((one) => ms(one) < ms(first));
  cut = told.cut || (cut && held.length > 0);
  changes = [...held, ...told.changes];
  const oldest = ms(changes.at(-1)) - KEPT_MS;
  // The one that stood when the day began stays: it says how the day began.
  const begins = changes.findLastIndex((one) => ms(one) <= oldest);
  if (begins > 0) changes = changes.slice(begins);
}

/** How coverage stood then; null where the record does not reach. */
export function stoodAt(moment) {
  const last = changes.findLast((one) => ms(one) <= moment);
  return last === undefined ? null : { healthy: new Set(last.healthy), pending: new Set(), areas: last.areas };
}

/** Whether older changes of the day were too many to be read. */
export const isCut = () => cut;
