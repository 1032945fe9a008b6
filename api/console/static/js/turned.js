// A worse alarm takes the panel, and moves the list, by itself. What is pressed in the same moment was
// meant for the alarm that stood there before, and must not be done to this one.

import { sayBriefly } from "./dom.js";
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
    if (soon) sayBriefly(hint, t("alarm.turned"));
    return soon;
  }
}

/** How far a button may shift and still be the one that was aimed at. */
const SHIFT_PX = 8;

/**
 * The buttons of a list that moves: an alarm comes, a line above appears, a text grows. Each is
 * named by a key.
 */
export class Places {
  #now = new Map();
  #before = new Map();
  #movedAt = -Infinity;
  #scrolled = 0;

  /** See where the buttons stand; `scrolled` is how far their list was scrolled by hand. */
  note(buttons, scrolled) {
    const by = this.#scrolled - scrolled;
    const before = new Map([...this.#now].map(([key, { top, bottom }]) => [key, { top: top + by, bottom: bottom + by }]));
    const now = new Map();
    for (const [key, button] of buttons) {
      const { top, bottom } = button.getBoundingClientRect();
      now.set(key, { top, bottom });
    }
    const stays = ([key, { top }]) => Math.abs((now.get(key)?.top ?? Infinity) - top) <= SHIFT_PX;
    if (![...before].every(stays)) {
      this.#before = before;
      this.#movedAt = performance.now();
    }
    this.#now = now;
    this.#scrolled = scrolled;
  }

  /**
   * Whether the button of `key` was pressed where that of another stood a moment ago; `hint` then asks
   * to look and press again.
   */
  justCame(key, { detail, clientY }, hint) {
    // Without a pointer the button itself had the focus.
    if (detail === 0 || performance.now() - this.#movedAt >= UNREAD_MS) return false;
    const stood = [...this.#before].find(([, { top, bottom }]) => top <= clientY && clientY <= bottom);
    if (stood === undefined || stood[0] === key) return false;
    sayBriefly(hint, t("alarm.turned"));
    return true;
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
  sayBriefly(hint, t("alarm.typing"));
  return true;
}
