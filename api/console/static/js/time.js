// The server's clock, as well as it can be known here, and ages in words.

import { t } from "./texts.js";

/** So many beats the estimate rests on: one late beat changes nothing, a clock set back is followed
    within a minute. */
const BEATS = 12;

// Each beat as server time less `performance.now()`, which nobody sets: the clock of this machine may
// be put right, or be wrong, at any time.
let beats = [];

const measured = (iso) => Date.parse(iso) - performance.now();
// A message only ever arrives late, so the largest difference is the best one.
const offsetMs = () => (beats.length ? Math.max(...beats) : Date.now() - performance.now());

/** Learn from a message that was stamped when it left the server. */
export function learnServerTime(iso) {
  beats = [...beats, measured(iso)].slice(-BEATS);
}

/** Learn from the first beat of a connection: the server may have begun anew, its clock put right. */
export function meetServerTime(iso) {
  beats = [];
  learnServerTime(iso);
}

/** Learn from a moment that the server passed at the latest when it sent this, perhaps long ago: a
    machine that slept hears at once that it is later than it thought. */
export function passedServerTime(iso) {
  if (beats.length && measured(iso) > offsetMs()) learnServerTime(iso);
}

/** Now, in milliseconds of the server's clock. */
export const serverNow = () => performance.now() + offsetMs();

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
// The form of ISO 8601: the year first.
const dayFormat = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
const dateFormat = new Intl.DateTimeFormat(document.documentElement.lang, {
  timeZone, month: "short", day: "numeric", weekday: "short",
});

/** "14:05:09" in the school's time zone. */
export const clockText = (ms) => clockFormat.format(ms);
/** "" for today, else "11-23 ": a time without its day is read as today's. */
function dayMark(ms) {
  const day = dayFormat.format(ms);
  return day === dayFormat.format(serverNow()) ? "" : `${day.slice(5)} `;
}

/** "14:05", or "11-23 14:05" when that is not today. */
export const shortTime = (iso) => dayMark(Date.parse(iso)) + shortFormat.format(Date.parse(iso));
/** The same to the second. */
export const momentText = (iso) => dayMark(Date.parse(iso)) + clockText(Date.parse(iso));
/** "11月23日周一" in the school's time zone. */
export const dateText = (ms) => dateFormat.format(ms);
