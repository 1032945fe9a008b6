// The plan as SVG: layers, words that cover nothing, a scale.

import { drawSpots } from "./audit.js";
import { densityKey, drawLevels, fillLevels } from "./levels.js";
import { ask, by, inLanguage, Refusal, say, t } from "./page.js";
import { elsewhere, hatch, pathOf, shape } from "./shapes.js";

// How finely cameras show a floor, by floor and ladder, as far as it was asked for.
const densities = new Map();
// The boxes of the words and cameras that the plan holds so far.
let taken = [];

function shownLayer(name) {
  return document.querySelector(`input[data-layer="${name}"]`).checked;
}

/** Draw the chosen floor. `state` is how coverage stands there, `{healthy, pending, areas}`; null: nobody knows. */
export function draw(plan, state) {
  const floor = plan.floors.find((one) => one.id === by("floor").value) ?? plan.floors[0];
  const svg = by("plan");
  svg.replaceChildren();
  taken = [];
  const points = floor.outline.flat().concat(floor.cameras.map((one) => one.at));
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const [left, low] = [Math.min(...xs) - 1, Math.min(...ys) - 1];
  const [wide, high] = [Math.max(...xs) + 1 - left, Math.max(...ys) + 1 - low];
  svg.setAttribute("viewBox", `${left} ${-(low + high)} ${wide} ${high}`);
  svg.style.aspectRatio = `${wide} / ${high}`;
  // Labels keep their size on the screen, however large the floor is.
  const unit = Math.max(wide / Math.max(svg.clientWidth, 1), high / Math.max(svg.clientHeight, 1));
  const defs = shape("defs", {});
  defs.append(hatch("hatch-lost", "#b2182b", 45, unit), hatch("hatch-forbidden", "#6a3d9a", -45, unit),
    hatch("hatch-planned", "#7f4f00", 0, unit), hatch("hatch-unassured", "#b2182b", -45, unit, 0.5));
  const up = shape("g", { transform: "scale(1,-1)" });
  svg.append(defs, up);
  up.append(shape("path", { d: pathOf(floor.outline), class: "outline" }));
  if (floor.underlay !== null && shownLayer("underlay")) {
    const { href, width_px: width, height_px: height, matrix } = floor.underlay;
    up.append(shape("image", {
      href, width, height, transform: `matrix(${matrix.join(" ")})`, class: "underlay",
    }));
  }
  drawSight(floor, state, { up, defs, frame: [left, low, wide, high] });
  if (shownLayer("planned")) {
    for (const rings of floor.blind.flatMap((one) => one.polygons)) {
      up.append(shape("path", { d: pathOf(rings), class: "planned" }));
    }
  }
  if (shownLayer("unassured")) taken.push(...drawSpots(svg, up, floor.id, unit));
  if (shownLayer("areas")) {
    const states = new Map((state?.areas ?? []).map((one) => [one.area_id, one.state]));
    for (const area of floor.areas) {
      const kind = states.get(area.id) ?? "";
      up.append(shape("path", { d: pathOf(area.polygon), class: `area ${kind}`, "data-area": area.id }));
    }
  }
  if (shownLayer("forbidden")) {
    for (const place of floor.forbidden) {
      up.append(shape("path", { d: pathOf(place.polygon), class: "forbidden" }));
    }
  }
  drawBuilt(floor, up);
  if (shownLayer("cameras")) drawCameras(svg, up, floor, state, unit);
  if (shownLayer("areas")) drawNames(svg, floor.areas, "label area-name", unit);
  if (shownLayer("forbidden")) drawNames(svg, floor.forbidden, "label forbidden-name", unit);
  drawScale(svg, left, low, unit);
}

/** What cameras show of the floor, what they no longer show, and how finely. */
function drawSight(floor, state, { up, defs, frame }) {
  const views = floor.views.map((view) => [view, state !== null && state.healthy.has(view.camera_id)]);
  const parts = (well) => views.filter((one) => one[1] === well).flatMap(([view]) => view.polygons);
  if (state !== null && shownLayer("lost") && parts(false).length > 0) {
    // What another camera still shows is not lost.
    defs.append(elsewhere(parts(true), frame));
    const lost = shape("g", { mask: "url(#not-seen)" });
    for (const rings of parts(false)) lost.append(shape("path", { d: pathOf(rings), class: "lost" }));
    up.append(lost);
  }
  const levels = shownLayer("density") ? densities.get(densityKey()) : undefined;
  fillLevels(levels, t);
  if (levels !== undefined) {
    drawLevels(up, levels, state?.healthy, t);
  } else if (state !== null && shownLayer("seen")) {
    for (const rings of parts(true)) up.append(shape("path", { d: pathOf(rings), class: "seen" }));
  }
}

function drawBuilt(floor, up) {
  for (const rings of floor.obstacles) up.append(shape("path", { d: pathOf(rings), class: "obstacle" }));
  for (const wall of floor.walls) {
    up.append(shape("polyline", { points: wall.map((p) => p.join(",")).join(" "), class: "wall" }));
  }
  for (const door of floor.doors) {
    const [[x1, y1], [x2, y2]] = door.points;
    up.append(shape("line", { x1, y1, x2, y2, class: door.open ? "door open" : "door" }));
  }
}

/** Ask how finely the chosen floor is shown, where that layer is wanted. */
export async function askDensity() {
  const key = densityKey();
  if (!shownLayer("density") || densities.has(key) || by("floor").value === "") return;
  const [floor, ladder] = key.split("?");
  try {
    densities.set(key, await ask(`/api/v1/coverage/floors/${encodeURIComponent(floor)}/density?ladder=${ladder}`));
  } catch (error) {
    say(error instanceof Refusal ? error.message : t("coverage.live.not_reached"), false);
  }
}

// A word near its place: the nearest height at which it covers no other word and no camera.
function label(svg, [x, y], kind, text, unit) {
  const made = shape("text", { x, y: -y, class: kind, "font-size": 13 * unit, "stroke-width": 3 * unit }, text);
  svg.append(made);
  const { x: left, y: top, width, height } = made.getBBox();
  for (const step of [0, 1, -1, 2, -2, 3, -3]) {
    const shift = step * 15 * unit;
    const box = { left, right: left + width, top: top + shift, bottom: top + shift + height };
    if (taken.some((one) => cover(one, box)) && step !== -3) continue;
    made.setAttribute("y", -y + shift);
    taken.push(box);
    return;
  }
}

const cover = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

function drawNames(svg, places, kind, unit) {
  for (const place of places) {
    const star = place.critical ? "★" : "";
    label(svg, place.middle, kind, star + inLanguage(place.name), unit);
  }
}

// A bar of a round length, at most a fifth of the plan's width.
function drawScale(svg, left, low, unit) {
  const most = (svg.clientWidth * unit) / 5;
  const metres = [100, 50, 20, 10, 5, 2, 1].find((one) => one <= most) ?? 1;
  const y = -(low + 0.3);
  svg.append(shape("line", {
    x1: left + 0.3, y1: y, x2: left + 0.3 + metres, y2: y, class: "scale", "stroke-width": 2 * unit,
  }));
  label(svg, [left + 0.3 + metres / 2, low + 0.3 + 5 * unit], "label", `${metres} m`, unit);
}

const noFault = (state, id) => state === null || state.healthy.has(id) || state.pending.has(id);

function drawCameras(svg, up, floor, state, unit) {
  for (const camera of floor.cameras) {
    const [x, y] = camera.at;
    const well = noFault(state, camera.id);
    const half = (Math.min(camera.hfov_deg, 160) / 2) * (Math.PI / 180);
    const pan = camera.pan_deg * (Math.PI / 180);
    const reach = 20 * unit;
    const tips = [pan - half, pan + half].map((a) => [x + reach * Math.cos(a), y + reach * Math.sin(a)]);
    const corners = [[x, y], ...tips];
    taken.push({
      left: Math.min(...corners.map((p) => p[0])), right: Math.max(...corners.map((p) => p[0])),
      top: -Math.max(...corners.map((p) => p[1])), bottom: -Math.min(...corners.map((p) => p[1])),
    });
    up.append(shape("polygon", {
      points: corners.map((p) => p.join(",")).join(" "), class: well ? "camera" : "camera bad",
    }));
  }
  for (const camera of floor.cameras) {
    const [x, y] = camera.at;
    const well = noFault(state, camera.id);
    const name = inLanguage(camera.name);
    label(svg, [x, y + 16 * unit], "label", well ? name : `✕ ${name}`, unit);
  }
}
