// Who outside the school knows of the chosen alarm: sent and received are told apart.

import { byId, make } from "./dom.js";
import { get } from "./service.js";
import { inLanguage, t } from "./texts.js";
import { ageOf, shortTime } from "./time.js";

const AGAIN_MS = 2000;
/** A message that nobody took for so long is not merely on its way. */
const LATE_S = 15;
const SIGNS = { received: "✓", sent: "…", pending: "…", leased: "…", rejected: "✕", given_up: "✕" };

let number = null;
let askAt = 0;

/** Show who knows; asked again every two seconds, because receipts come without the alarm's doing. */
export async function showTold(alarm) {
  if (number === alarm.number && performance.now() < askAt) return;
  const other = number !== alarm.number;
  number = alarm.number;
  askAt = performance.now() + AGAIN_MS;
  if (other) byId("told").replaceChildren();
  const found = await get(`/api/v1/alarms/${number}/told`);
  if (found?.alarm_number === number) byId("told").replaceChildren(...found.told.map(row));
}

function row(one) {
  const known = one.state === "received";
  const late = ageOf(one.written_at) > LATE_S;
  const bad = !known && (late || one.attempts > 1 || SIGNS[one.state] === "✕") && one.state !== "sent";
  const shown = bad ? "bad" : known ? "known" : "waiting";
  const words = [wordsOf(one, bad)];
  if (known && one.waiting) words.push(t("alarm.told.more", { count: one.waiting }));
  if (bad && one.receiver.role !== "information") {
    words.push(one.receiver.phone ? t("alarm.told.dial", { phone: one.receiver.phone }) : t("alarm.told.call"));
  }
  return make(
    "li",
    { "data-told": shown, "data-receiver": one.receiver.id },
    make("span", { "aria-hidden": "true", text: bad ? "✕" : SIGNS[one.state] }),
    make("strong", { text: inLanguage(one.receiver.name) }),
    make("span", { text: words.join(" · ") }),
  );
}

function wordsOf(one, bad) {
  if (one.state === "received") return t("alarm.told.received", { time: shortTime(one.received_at) });
  if (one.state === "sent") return t("alarm.told.sent", { time: shortTime(one.sent_at) });
  if (bad && one.attempts === 0) return t("alarm.told.not_yet");
  if (bad) return t("alarm.told.not_received", { count: one.attempts });
  return t("alarm.told.waiting");
}
