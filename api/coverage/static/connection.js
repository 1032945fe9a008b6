// How old what the page shows is. It is said for as long as it is so, and no longer.

import { by, Refusal, t, timeOfDay } from "./page.js";

let shownAt = null;

/** What is shown is of this moment. */
export function heard(moment) {
  shownAt = moment;
  by("connection").hidden = true;
  document.body.classList.remove("stale");
}

/** The service was asked in vain. */
export function unheard(error) {
  const since = shownAt === null ? "" : t("coverage.live.as_of_then", { time: timeOfDay(shownAt) });
  by("connection-text").textContent = [why(error), since].filter(Boolean).join(" · ");
  by("connection-sign-in").hidden = error.code !== "sign_in_needed";
  by("connection").hidden = false;
  document.body.classList.add("stale");
}

function why(error) {
  if (!(error instanceof Refusal)) return t("coverage.live.not_reached");
  return error.code === "sign_in_needed" ? t("coverage.live.signed_out") : error.message;
}

/** The moment that the page shows; null before the first answer. */
export const asOf = () => shownAt;
