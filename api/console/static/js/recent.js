// Alarms that were closed in the last day.

import { byId, make, setOrder, setText } from "./dom.js";
import { recent } from "./store.js";
import { t } from "./texts.js";
import { ageOf, shortTime } from "./time.js";
import { placeText, signText } from "./titles.js";

const KEPT_S = 86_400;
const MOST_SHOWN = 30;

const rows = new Map();

/** Bring the list up to date; what is older or too much is forgotten, the page runs for months. */
export function fillRecent() {
  const closed = [...recent.values()]
    .filter((alarm) => ageOf(alarm.closed.at) <= KEPT_S)
    .sort((a, b) => b.number - a.number)
    .slice(0, MOST_SHOWN);
  const numbers = new Set(closed.map((alarm) => alarm.number));
  for (const map of [recent, rows]) {
    for (const number of map.keys()) if (!numbers.has(number)) map.delete(number);
  }
  byId("recent").hidden = closed.length === 0;
  setText(byId("recent-count"), String(closed.length));
  for (const alarm of closed) {
    if (!rows.has(alarm.number)) rows.set(alarm.number, makeRow(alarm));
    fillRow(rows.get(alarm.number), alarm);
  }
  setOrder(byId("recent-list"), closed.map((alarm) => rows.get(alarm.number).root));
}

function makeRow(alarm) {
  const row = { opened: make("span"), closed: make("span") };
  row.root = make("p", { class: "recent-row" }, make("strong", { text: placeText(alarm) }), row.opened, row.closed);
  return row;
}

/** Times gain their date when the day ends. */
function fillRow(row, alarm) {
  const { name, at } = alarm.closed;
  const who = name === "system" ? t("alarm.system") : name;
  const closed = t("alarm.closed_by", { name: who, time: shortTime(at) });
  setText(row.opened, `${signText(alarm)} · ${shortTime(alarm.opened_at)}`);
  setText(row.closed, `${closed} · ${t(`cause_closed.${alarm.cause}`)}`);
}
