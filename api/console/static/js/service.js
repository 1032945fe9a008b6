// Requests that change something. They carry the session's token.
// Each answers {ok, body}; a refusal carries words for people.

import { inLanguage, t } from "./texts.js";

/** The token of this session, empty where nobody has to sign in. */
export function csrfToken() {
  return document.cookie.match(/(?:^|; )xiaoan_csrf=([0-9a-f]+)/)?.[1] ?? "";
}

/** POST JSON; never throws. */
export async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrfToken() },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    });
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

/** What a refusal says: the fact and what to do. */
export function refusalText(body) {
  if (!body?.message) return t("alarm.not_sent");
  return `${inLanguage(body.message)} · ${inLanguage(body.mend)}`;
}
