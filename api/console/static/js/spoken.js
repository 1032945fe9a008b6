// New alarms for whoever hears the page instead of seeing it.

import { byId } from "./dom.js";
import { waitOf, waits } from "./store.js";
import { t } from "./texts.js";
import { placeText, signText } from "./titles.js";

/** More than this at once is told as a number. */
const MOST_NAMED = 4;

/** What was told less than this ago was perhaps not heard to its end when the next words come. */
const SPEAKING_MS = 10_000;

/** When each wait was told, by the clock of the page. */
const told = new Map();

/** Speak of every alarm that waits and was not spoken of as it is now, whether it has a card or is in a group. */
export function announceNew(open) {
  const now = performance.now();
  const isNew = open.some((alarm) => waits(alarm) && !told.has(waitOf(alarm)));
  const known = new Set(open.map(waitOf));
  for (const one of told.keys()) if (!known.has(one)) told.delete(one);
  for (const one of known) if (!told.has(one)) told.set(one, now);
  if (!isNew) return;
  // New words end those that are being spoken: alarms that come together are told again, the worst first.
  const waiting = open.filter((alarm) => waits(alarm) && now - told.get(waitOf(alarm)) < SPEAKING_MS);
  const named = waiting.slice(0, MOST_NAMED).map(sentence);
  const more = waiting.length - named.length;
  if (more > 0) named.push(t("alarm.new.more", { count: more }));
  byId("spoken").textContent = named.join(" ");
}

function sentence(alarm) {
  // The place of a fault of delivery is a receiver's name: alone it would sound like an alarm there.
  const named = alarm.type === "crowd" || alarm.type === "delivery" ? signText(alarm) : "";
  const place = placeText(alarm);
  return named ? t("alarm.new.spoken", { place, level: named }) : t("alarm.new.place", { place });
}
