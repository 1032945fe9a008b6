// A worse alarm takes the panel, and moves the list, by itself. What is pressed in the same moment was
// meant for the alarm that stood there before, and must not be done to this one.

import { setText } from "./dom.js";
import { t } from "./texts.js";

/** Nobody has read a new alarm and decided on it within this time. */
const UNREAD_MS = 800;

/** A place of the page that may change under somebody's hand; `hint` is where it says so. */
export class Turning {
  #at = -Infinity;

  /** It has just changed by itself. */
  note() {
    this.#at = performance.now();
  }

  /** Whether that was a moment ago; where it was, `hint` asks to look and press again. */
  justNow(hint) {
    const soon = performance.now() - this.#at < UNREAD_MS;
    if (soon) setText(hint, t("alarm.turned"));
    return soon;
  }
}

/** The panel of the chosen alarm. */
export const panel = new Turning();

let field = null;
let typedAt = -Infinity;

/** A key was typed into this field. */
export function noteTyping(into) {
  field = into;
  typedAt = performance.now();
}

/**
 * Whether a key that comes to the page was meant for a field that went away a moment ago, its alarm
 * closed by somebody else; `hint` says so.
 */
export function typesOn(hint) {
  const gone = field !== null && field.getClientRects().length === 0;
  const lost = gone && performance.now() - typedAt < UNREAD_MS;
  if (!lost) return false;
  typedAt = performance.now();
  setText(hint, t("alarm.typing"));
  return true;
}
