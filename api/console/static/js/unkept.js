// What the guard is told while the database stores nothing: no alarm is kept, and none is sent.

import { byId, make, setText } from "./dom.js";
import { alarms, cameras, site } from "./store.js";
import { inLanguage, levelText, listText, t } from "./texts.js";
import { shortTime } from "./time.js";
import { phoneText, placeText } from "./titles.js";

const MOST_NAMED = 6;

let drawn = "";

/** A ping says whether the database stores; what it does not take comes in an event of its own. */
export function noteKept(ping) {
  if (ping.kept === true) site.unkept = null;
  if (ping.kept === false) site.unkept ??= { since: ping.server_time, alarms: [] };
}

/** Show it, or take it away; returns the pattern that must sound for it, or null. */
export function renderUnkept() {
  const told = site.unkept;
  byId("unkept").hidden = told === null;
  if (told === null) return null;
  setText(byId("unkept-detail"), t("console.unkept.detail", { time: shortTime(told.since) }));
  const phones = phoneText({ subject_id: "" });
  setText(byId("unkept-phones"), phones ? t("console.unkept.phones", { phones }) : "");
  const lines = [...told.alarms.filter((one) => one.type !== "camera_lost").map(sentence), ...camerasLost(told)];
  if (drawn !== lines.join()) {
    drawn = lines.join();
    byId("unkept-alarms").replaceChildren(...lines.map((text) => make("li", { text })));
  }
  const sounding = told.alarms.filter((one) => one.condition !== "gone" && !isKept(one) && !isMild(one));
  return sounding.length ? Math.min(...sounding.map((one) => one.priority)) : "lost";
}

/** The same in one line, with the worst of it; empty while the database stores. */
export function unkeptText() {
  if (site.unkept === null) return "";
  const worst = site.unkept.alarms.filter((one) => one.condition !== "gone").slice(0, 1);
  return [t("console.link.unkept"), ...worst.map(sentence)].join(" · ");
}

/** Whether an alarm that is kept says as much already: it sounds, or somebody has acknowledged it. */
const isKept = (one) =>
  [...alarms.values()].some(
    (kept) => kept.type === one.type && kept.subject_id === one.subject_id && kept.priority <= one.priority,
  );

/** What hangs on it asks for less than that nothing is stored, which sounds already. */
const isMild = (one) => one.type === "camera_lost" && one.priority > 2;

function cameraText(id) {
  const camera = cameras.get(id);
  return camera ? inLanguage(camera.name) : id;
}

/** All of them in one line, or in none: a dead analysis process loses many. */
function camerasLost(told) {
  const lost = told.alarms.filter((one) => one.type === "camera_lost" && one.condition === "active");
  if (lost.length === 0) return [];
  const names = lost.slice(0, MOST_NAMED).map((one) => cameraText(one.subject_id));
  if (lost.length > MOST_NAMED) names.push(t("console.unkept.more", { count: lost.length - MOST_NAMED }));
  const what = `${t("alarm.type.camera_lost")} · ${listText(names)}`;
  return [t("console.unkept.alarm", { what, time: shortTime(lost.map((one) => one.opened_at).sort()[0]) })];
}

function sentence(one) {
  const words = [placeText(one)];
  if (one.type === "crowd") words.push(levelText(one.level));
  if (one.density_per_m2 !== null) words.push(`${one.density_per_m2.toFixed(1)} ${t("unit.1/m²")}`);
  const said = t("console.unkept.alarm", { what: words.join(" · "), time: shortTime(one.opened_at) });
  return one.condition === "active" ? said : said + t(`console.unkept.${one.condition}`);
}
