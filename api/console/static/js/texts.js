// Every text that the page fills in, from the service's one catalogue.

let entries = {};

export const lang = document.body.dataset.lang;

/** Read the catalogue of the page's language. */
export async function loadTexts() {
  const answer = await fetch(`/console-texts/${lang}.json`);
  if (!answer.ok) throw new Error(`texts: ${answer.status}`);
  entries = await answer.json();
}

/** Whether the catalogue has a key. */
export const has = (key) => Object.hasOwn(entries, key);

/** The text of a key with its placeholders filled; an unknown key shows itself. */
export function t(key, values = {}) {
  const text = entries[key] ?? key;
  return text.replace(/\{([a-z_][a-z0-9_]*)\}/g, (whole, name) => values[name] ?? whole);
}

/** A name in the page's language. */
export const inLanguage = (name) => (lang === "en" ? name.en : name.zh);

/** Names one after the other, as the language writes them. */
export const listText = (names) => names.join(lang === "en" ? ", " : "、");

/** The text of a key with a number; English has a text of its own for one. */
export const counted = (key, count) => t(count === 1 && has(`${key}.one`) ? `${key}.one` : key, { count });

/** "L3 告警": the level's code and its word. */
export function levelText(level) {
  const word = t(`level.${level}.short`);
  return level === "UNKNOWN" ? word : `${level} ${word}`;
}

/** A reason of a level in words, with its numbers. */
export function reasonText(reason) {
  const key = [`rule.${reason.rule}`, `cause.${reason.rule}`].find(has);
  const rule = key ? t(key) : reason.rule;
  if (reason.measured === null) return rule;
  const measured = withUnit(reason.measured, reason.unit);
  if (reason.threshold === null) return t("reason.measured", { rule, measured });
  const threshold = withUnit(reason.threshold, reason.unit);
  const held = Math.round(reason.held_s);
  return held >= 1
    ? t("reason.held", { rule, measured, threshold, held })
    : t("reason.compared", { rule, measured, threshold });
}

function withUnit(number, unit) {
  const digits = unit === "s" || Number.isInteger(number) ? 0 : number >= 10 ? 1 : 2;
  const shown = number.toFixed(digits);
  if (!unit) return shown;
  const key = [number === 1 ? `unit.${unit}.one` : "", `unit.${unit}`].find(has);
  return `${shown} ${key ? t(key) : unit}`;
}
