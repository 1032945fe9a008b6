// What the parts of the coverage page share: texts, names, times, and the talk with the service.

import { sending } from "/console/js/request.js";

/** A pulled cable ends no request; what was asked for so long ago counts as unanswered. */
const PATIENCE_MS = 10_000;

export const body = document.body.dataset;
export const by = (id) => document.getElementById(id);

const texts = await (await fetch(`/coverage-texts/${body.lang}.json`)).json();
const zoned = { timeZone: body.timezone, hourCycle: "h23" };
const locale = body.lang === "en" ? "en-GB" : "zh-CN";
const seconds = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const stamp = new Intl.DateTimeFormat(locale, { ...zoned, month: "2-digit", day: "2-digit", ...seconds });
const dayless = new Intl.DateTimeFormat(locale, { ...zoned, ...seconds });

/** The text of a key with its placeholders filled; an unknown key shows itself. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const inLanguage = (name) => (body.lang === "en" ? name.en : name.zh);
export const listText = (names) => names.join(body.lang === "en" ? ", " : "、");
/** A moment with its day, in the site's time zone. */
export const clock = (moment) => (moment ? stamp.format(new Date(moment)) : "—");
/** The same without its day. */
export const timeOfDay = (moment) => dayless.format(new Date(moment));

const names = { areas: new Map(), cameras: new Map() };
export const areaName = (id) => names.areas.get(id) ?? id;
export const cameraName = (id) => names.cameras.get(id) ?? id;

/** Learn what areas and cameras are called; the tables span floors, and two floors may call theirs alike. */
export function learnNames(plan) {
  for (const [kind, known] of Object.entries(names)) {
    const all = plan.floors.flatMap((floor) => floor[kind].map((one) => [floor, one, inLanguage(one.name)]));
    for (const [floor, one, name] of all) {
      const alike = all.some(([other, , others]) => other !== floor && others === name);
      known.set(one.id, alike ? `${inLanguage(floor.name)} ${name}` : name);
    }
  }
}

/** The service's refusal, with its words. */
export class Refusal extends Error {
  constructor(problem) {
    super(`${inLanguage(problem.message)} · ${inLanguage(problem.mend)}`);
    this.code = problem.code;
  }
}

/** GET JSON. Throws `Refusal` where the service says no, another error where it says nothing. */
export async function ask(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const found = await answer.json();
  if (!answer.ok) throw new Refusal(found);
  return found;
}

/** Say how something went that a person asked for; it stays until the next such thing. */
export function say(text, good) {
  const said = by("said");
  said.hidden = false;
  said.className = good ? "good" : "bad";
  said.textContent = `${good ? "●" : "✕"} ${text}`;
}

/** POST JSON, and say how it went. */
export async function post(address, content) {
  try {
    const answer = await fetch(address, sending(content ?? {}));
    if (!answer.ok) throw new Refusal(await answer.json());
    say(t("coverage.live.done"), true);
  } catch (error) {
    say(error instanceof Refusal ? error.message : t("coverage.live.not_reached"), false);
  }
  document.dispatchEvent(new Event("coverage-asked"));
}
