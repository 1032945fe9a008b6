// The server's clock, as well as it can be known here, and ages in words.

import { t } from "./texts.js";

let offsetMs = null;

/** Learn from a message that was stamped when it left the server. */
export function learnServerTime(iso) {
  const measured = Date.parse(iso) - Date.now();
  // A message only ever arrives late, so the largest difference is the best one; the slow fall
  // lets the estimate follow a clock that is put right.
  offsetMs = offsetMs === null ? measured : Math.max(measured, offsetMs - 50);
}

/** Learn from the first beat of a connection: the server may have begun anew, its clock put right. */
export function meetServerTime(iso) {
  offsetMs = null;
  learnServerTime(iso);
}

/** Now, in milliseconds of the server's clock. */
export const serverNow = () => Date.now() + (offsetMs ?? 0);

/** Seconds since a moment; null where there is none. */
export function ageOf(iso) {
  return iso === null ? null : Math.max(0, (serverNow() - Date.parse(iso)) / 1000);
}

function inUnits(seconds) {
  if (seconds < 120) return ["seconds", Math.floor(seconds)];
  if (seconds < 7200) return ["minutes", Math.floor(seconds / 60)];
  if (seconds < 172800) return ["hours", Math.floor(seconds / 3600)];
  return ["days", Math.floor(seconds / 86400)];
}

/** "12 秒前". */
export function agoText(seconds) {
  if (seconds < 1) return t("console.age.now");
  const [unit, count] = inUnits(seconds);
  return t(`console.age.${unit}`, { count });
}

/** "12 秒". */
export function spanText(seconds) {
  const [unit, count] = inUnits(seconds);
  return t(`console.span.${unit}`, { count });
}

const timeZone = document.body.dataset.timezone;
const clockFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const shortFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone, hour: "2-digit", minute: "2-digit", hour12: false,
});
const dateFormat = new Intl.DateTimeFormat(document.documentElement.lang, {
  timeZone, month: "short", day: "numeric", weekday: "short",
});

/** "14:05:09" in the school's time zone. */
export const clockText = (ms) => clockFormat.format(ms);
/** "14:05" in the school's time zone. */
export const shortTime = (iso) => shortFormat.format(Date.parse(iso));
/** "11月23日周一" in the school's time zone. */
export const dateText = (ms) => dateFormat.format(ms);
