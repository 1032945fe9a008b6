// How long this browser stays signed in, and what is said when it no longer is.

import { byId, setText } from "./dom.js";
import { inLanguage, t } from "./texts.js";
import { dateText, serverNow, shortTime } from "./time.js";

/** Say in good time that the sign-in will end, whoever uses it meanwhile. */
export function renderEnding() {
  const { sessionEnds: ends, sessionWarns: warns } = document.body.dataset;
  const soon = warns !== undefined && serverNow() >= Date.parse(warns);
  byId("ending").hidden = !soon;
  if (!soon) return;
  const time = `${dateText(Date.parse(ends))} ${shortTime(ends)}`;
  setText(byId("ending-text"), t("console.session.ending", { time }));
}

/** The service is there and tells nothing to this browser; null when it does. */
export function showRefused(problem) {
  byId("refused").hidden = problem === null;
  if (problem === null) return;
  const ended = problem.code === "sign_in_needed";
  setText(byId("refused-title"), ended ? t("console.session.ended") : inLanguage(problem.message));
  setText(byId("refused-detail"), ended ? t("console.session.ended.detail") : inLanguage(problem.mend));
}
