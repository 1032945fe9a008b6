// Requests that change something. They carry the session's token.
// Each answers {ok, body}; a refusal carries words for people.

import { sending } from "./request.js";
import { inLanguage, t } from "./texts.js";

/** POST JSON; never throws. */
export async function post(path, body) {
  try {
    const answer = await fetch(path, { ...sending(body), signal: AbortSignal.timeout(8000) });
    return { ok: answer.ok, body: await answer.json() };
  } catch {
    return { ok: false, body: null };
  }
}

/** GET JSON; null when it fails. */
export async function get(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(8000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

const AGAIN_MS = 3000;

/** GET JSON, again and again until there is an answer: without it a part of the page stays empty. */
export async function getInTheEnd(path) {
  for (;;) {
    const found = await get(path);
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** What a refusal says: the fact and what to do. */
export function refusalText(body) {
  if (!body?.message) return t("alarm.not_sent");
  return `${inLanguage(body.message)} · ${inLanguage(body.mend)}`;
}
