// The wall and the school's map, kept up to date by the service's own stream. Without a sign of
// life everything turns grey and says since when; pages of tiles turn by themselves.

import { onBeat } from "/console/js/beat.js";
import { LOST_AFTER_MS, listen } from "/console/js/stream.js";

const TURN_EVERY_MS = 12_000;
const SHAPES = ["red", "orange", "yellow", "grey", "blue"];

const words = JSON.parse(document.querySelector("[data-words]").dataset.words);
const lang = document.querySelector("[data-words]").dataset.lang;
const list = document.querySelector(".tiles");
const old = document.getElementById("old");
let ledgerLine = old.hidden ? "" : old.textContent;
let problem = null;
let page = 0;
let held = matchMedia("(prefers-reduced-motion: reduce)").matches;

function clock(at) {
  const parts = new Intl.DateTimeFormat("zh-CN", {
    timeZone: "Asia/Shanghai", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(at));
  const part = (type) => parts.find((one) => one.type === type).value;
  return `${part("month")}-${part("day")} ${part("hour")}:${part("minute")}`;
}

function workLine(tile) {
  const line = [`${words.overdue} ${tile.overdue}`, `${words.missed} ${tile.missed_this_week}`];
  if (tile.major_hazards) line.push(`${words.hazards} ${tile.major_hazards}`);
  return line.join(" · ");
}

function siteLine(tile) {
  if (!tile.zones) return tile.elsewhere ? words.elsewhere : words.no_cameras;
  let line = `${words.alarms} ${tile.unacknowledged}`;
  if (tile.unseen) line += ` · ${words.unseen} ${tile.unseen}`;
  if (tile.unseen && tile.unseen_since) line += ` ${words.since} ${clock(tile.unseen_since)}`;
  return line;
}

function showTiles(wall) {
  const tiles = new Map([...list.children].map((one) => [one.dataset.unit, one]));
  if (wall.tiles.length !== tiles.size || wall.tiles.some((one) => !tiles.has(one.unit_id))) {
    location.reload();
    return;
  }
  for (const tile of wall.tiles) {
    const element = tiles.get(tile.unit_id);
    element.classList.remove(...SHAPES);
    element.classList.add(tile.colour);
    element.classList.toggle("old", tile.stale);
    element.querySelector("[data-field=grade]").textContent = words[tile.colour];
    element.querySelector("[data-field=work]").textContent = workLine(tile);
    element.querySelector("[data-field=site]").textContent = siteLine(tile);
    list.append(element);
  }
  for (const colour of SHAPES) {
    const count = wall.tiles.filter((one) => one.colour === colour).length;
    document.querySelector(`[data-sum=${colour}]`).textContent = count;
  }
  document.body.classList.toggle("stale", wall.stale);
  turn(0);
}

function showMap(wall) {
  const tile = wall.tiles.find((one) => one.unit_id === document.body.dataset.unit);
  for (const zone of tile?.zones ?? []) {
    for (const element of document.querySelectorAll(`[data-zone="${CSS.escape(zone.id)}"]`)) {
      element.dataset.level = zone.level;
      element.querySelector("[data-field=level]").textContent = words[zone.level];
      const since = element.querySelector("[data-field=since]");
      if (since) since.textContent = zone.since ? clock(zone.since) : "—";
    }
  }
}

// Tiles that do not fit are shown by turns; the worst stand on the first page.
function turn(by) {
  const tiles = [...list.children];
  for (const tile of tiles) tile.classList.remove("off");
  const size = tiles[0]?.getBoundingClientRect();
  if (!size) return;
  const style = getComputedStyle(list);
  const columns = style.gridTemplateColumns.split(" ").length;
  const room = innerHeight - list.getBoundingClientRect().top - scrollY;
  const rows = Math.max(1, Math.floor((room + parseFloat(style.rowGap)) / (size.height + parseFloat(style.rowGap))));
  const each = innerWidth > 720 ? rows * columns : tiles.length;
  const pages = Math.ceil(tiles.length / each);
  page = (page + by) % pages;
  tiles.forEach((tile, at) => tile.classList.toggle("off", Math.floor(at / each) !== page));
  document.getElementById("pages").textContent = pages > 1 ? `${words.page_of} ${page + 1}/${pages}` : "";
  const button = document.getElementById("hold");
  button.hidden = pages < 2;
  button.textContent = held ? words.turn : words.hold;
}

function show(wall) {
  ledgerLine = wall.stale ? `▲ ${words.stale} ${wall.as_of ?? "—"}` : "";
  if (list) showTiles(wall);
  else showMap(wall);
}

function look() {
  const lost = problem !== null || silentMs() > LOST_AFTER_MS;
  document.body.classList.toggle("lost", lost);
  const line = lost ? `▲ ${whyOld()} ${clock(Date.now() - silentMs())}` : ledgerLine;
  old.hidden = line === "";
  if (old.dataset.line === line) return;
  old.dataset.line = old.textContent = line;
  if (problem !== null) old.append(" ", signInLink());
}

function whyOld() {
  if (problem === null) return words.lost;
  return problem.code === "sign_in_needed" ? words.signed_out : problem.message[lang === "en" ? "en" : "zh"];
}

function signInLink() {
  const link = document.createElement("a");
  link.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = words.sign_in;
  return link;
}

if (list) {
  turn(0);
  document.getElementById("hold").addEventListener("click", () => {
    held = !held;
    turn(0);
  });
  setInterval(() => held || turn(1), TURN_EVERY_MS);
  addEventListener("resize", () => turn(0));
}
const silentMs = listen("/api/v1/plan/wall/events", { wall: show }, {
  onRefused: (told) => {
    problem = told;
    look();
  },
  onHeard: () => {
    problem = null;
    document.body.dataset.live = "yes";
    look();
  },
});
onBeat(look);
