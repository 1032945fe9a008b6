// Tiles of the zones.

import { byId, make, setOrder, setShape, setText, shape } from "./dom.js";
import { site, zones } from "./store.js";
import { inLanguage, levelText, listText, reasonText, t } from "./texts.js";
import { ageOf, agoText, spanText } from "./time.js";
import { Trend } from "./trend.js";

/** The page judges age by itself too, so that a silent server never leaves an old level standing. */
const GRACE_S = 2;

const tiles = new Map();

/** The level that may be shown of a zone now. */
export function shownLevel(zone) {
  const age = ageOf(seenAt(zone));
  if (age === null || age > site.staleAfterS + GRACE_S) return "UNKNOWN";
  return zone.level;
}

function seenAt(zone) {
  if (zone.captured_at === null) return null;
  return zone.captured_at < zone.received_at ? zone.captured_at : zone.received_at;
}

/** Bring all tiles up to date. */
export function renderZones() {
  for (const id of tiles.keys()) if (!zones.has(id)) tiles.delete(id);
  for (const zone of zones.values()) {
    if (!tiles.has(zone.id)) tiles.set(zone.id, makeTile(zone));
    fillTile(tiles.get(zone.id), zone);
  }
  setOrder(byId("zone-list"), [...zones.keys()].map((id) => tiles.get(id).root));
}

/** Remember a zone's newest density for its line. */
export function followZone(zone) {
  if (zone.captured_at === null) return;
  const known = shownLevel(zone) !== "UNKNOWN";
  tiles.get(zone.id)?.trend.add(zone.captured_at, known ? zone.density_per_m2 : null);
}

/** Redraw the lines; slower than the numbers, because nobody sees a pixel move. */
export function drawTrends() {
  for (const { trend } of tiles.values()) trend.draw();
}

function makeTile(zone) {
  const parts = {
    shape: shape("UNKNOWN"),
    level: make("strong", { class: "tile-level" }),
    density: make("span", { class: "tile-density" }),
    unit: make("span", { class: "tile-unit", text: t("console.zone.per_m2") }),
    people: make("span", { class: "tile-people" }),
    why: make("p", { class: "tile-why" }),
    doors: make("p", { class: "tile-doors" }),
    age: make("span", { class: "tile-age" }),
    trend: new Trend(zone.id, t("console.zone.trend")),
  };
  parts.root = make(
    "article",
    { class: "tile", "data-zone": zone.id },
    make(
      "div",
      { class: "tile-head" },
      parts.shape,
      make("div", { class: "tile-title" },
        make("h3", { text: inLanguage(zone.name), title: inLanguage(zone.name) }),
        make("span", { text: t(`zone_type.${zone.type}`) })),
      parts.level,
    ),
    make("div", { class: "tile-numbers" }, parts.density, parts.unit, parts.people),
    parts.why,
    parts.doors,
    parts.trend.svg,
    parts.age,
  );
  return parts;
}

function fillTile(tile, zone) {
  const level = shownLevel(zone);
  const unknown = level === "UNKNOWN";
  tile.root.dataset.level = level;
  // For whoever measures how long a picture takes to get here.
  if (zone.captured_at !== null) tile.root.dataset.capturedAt = zone.captured_at;
  setShape(tile.shape, level);
  setText(tile.level, unknown ? t("console.zone.unknown") : levelText(level));
  setText(tile.density, unknown || zone.density_per_m2 === null ? "—" : zone.density_per_m2.toFixed(1));
  setText(
    tile.people,
    unknown || zone.people === null
      ? t("console.zone.people_unknown")
      : t("console.zone.people", { people: Math.round(zone.people) }),
  );
  setText(tile.why, whyText(zone, level));
  const doors = unknown ? "" : doorsText(zone.doors);
  setText(tile.doors, doors);
  tile.doors.hidden = doors === "";
  const age = ageOf(seenAt(zone));
  setText(tile.age, age === null ? t("console.zone.never") : t("console.zone.read", { age: agoText(age) }));
  tile.root.classList.toggle("is-old", age !== null && age > site.staleAfterS);
}

/** How the doors of the exits stand: what is shut first, as words and not by colour. */
function doorsText(doors) {
  return ["shut", "unknown", "open"]
    .map((state) => [state, doors.filter((door) => door.state === state)])
    .filter(([, found]) => found.length > 0)
    .map(([state, found]) => {
      const names = found.map((door) => inLanguage(door.name));
      return t(`console.zone.door.${state}`, { doors: listText(names) });
    })
    .join(" · ");
}

function whyText(zone, level) {
  const words = [];
  if (level === "UNKNOWN" && zone.level !== "UNKNOWN") words.push(t("rule.stale"));
  // The first says why nobody sees it; what follows was measured before, and would hide the last level.
  else if (level === "UNKNOWN") words.push(...zone.reasons.slice(0, 1).map(reasonText));
  else if (Number(level[1]) > 0) words.push(...zone.reasons.slice(0, 2).map(reasonText));
  if (level === "UNKNOWN" && zone.last_level && zone.last_level !== "UNKNOWN") {
    words.push(t("console.zone.last", { level: levelText(zone.last_level) }));
  }
  if (level !== "UNKNOWN" && zone.could_be) {
    words.push(t("console.zone.could_be", { level: levelText(zone.could_be) }));
  }
  if (zone.clock_skew_s !== null) {
    words.push(t("console.zone.clock_skew", { age: spanText(zone.clock_skew_s) }));
  }
  return words.join(" · ");
}
