// The coverage page: draws the plan as SVG, follows the present, and goes back in time.

import { sending } from "/console/js/request.js";
import { drawSpots, followAudit } from "./audit.js";
import { densityKey, drawLevels, fillLevels } from "./levels.js";
import { elsewhere, hatch, pathOf, shape } from "./shapes.js";

const body = document.body.dataset;
const by = (id) => document.getElementById(id);
const texts = await (await fetch(`/coverage-texts/${body.lang}.json`)).json();
const t = (key) => texts[key] ?? key;
const inLanguage = (name) => (body.lang === "en" ? name.en : name.zh);
const stamp = new Intl.DateTimeFormat(body.lang === "en" ? "en-GB" : "zh-CN", {
  timeZone: body.timezone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  second: "2-digit",
});
const clock = (text) => (text ? stamp.format(new Date(text)) : "—");

let plan = null;
let present = null;
let changes = [];
const names = { areas: new Map(), cameras: new Map() };
// How finely cameras show a floor, by floor and ladder, as far as it was asked for.
const densities = new Map();
// The boxes of the words and cameras that the plan holds so far.
let taken = [];

async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

function say(text, good) {
  const said = by("said");
  said.hidden = false;
  said.className = good ? "good" : "bad";
  said.textContent = text;
}

async function post(address, content) {
  try {
    const answer = await fetch(address, sending(content ?? {}));
    if (answer.ok) {
      say(t("coverage.live.done"), true);
    } else {
      const problem = await answer.json();
      say(inLanguage(problem.message), false);
    }
  } catch {
    say(t("coverage.live.not_reached"), false);
  }
  await refresh();
}

// What stood at the chosen moment: the cameras that were well, and each area's state.
function standing() {
  const back = 1440 - Number(by("time").value);
  if (back === 0 || changes.length === 0) {
    by("shown").textContent = t("coverage.live.now");
    if (present === null) return null;
    const well = present.cameras.filter((one) => one.healthy || one.pending);
    return { healthy: new Set(well.map((one) => one.camera_id)), areas: present.areas };
  }
  const moment = Date.now() - back * 60000;
  by("shown").textContent = stamp.format(new Date(moment));
  const before = changes.filter((one) => new Date(one.at).getTime() <= moment);
  if (before.length === 0) {
    by("shown").textContent += ` · ${t("coverage.live.not_watched")}`;
    return null;
  }
  const last = before[before.length - 1];
  return { healthy: new Set(last.healthy), areas: last.areas };
}

function shownLayer(name) {
  return document.querySelector(`input[data-layer="${name}"]`).checked;
}

function draw() {
  if (plan === null) return;
  const floor = plan.floors.find((one) => one.id === by("floor").value) ?? plan.floors[0];
  const state = standing();
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
  const views = floor.views.map((view) => [view, state !== null && state.healthy.has(view.camera_id)]);
  const parts = (well) => views.filter((one) => one[1] === well).flatMap(([view]) => view.polygons);
  if (state !== null && shownLayer("lost") && parts(false).length > 0) {
    // What another camera still shows is not lost.
    defs.append(elsewhere(parts(true), [left, low, wide, high]));
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
  for (const rings of floor.obstacles) up.append(shape("path", { d: pathOf(rings), class: "obstacle" }));
  for (const wall of floor.walls) {
    up.append(shape("polyline", { points: wall.map((p) => p.join(",")).join(" "), class: "wall" }));
  }
  for (const door of floor.doors) {
    const [[x1, y1], [x2, y2]] = door.points;
    up.append(shape("line", { x1, y1, x2, y2, class: door.open ? "door open" : "door" }));
  }
  if (shownLayer("cameras")) drawCameras(svg, up, floor, state, unit);
  if (shownLayer("areas")) drawNames(svg, floor.areas, "label area-name", unit);
  if (shownLayer("forbidden")) drawNames(svg, floor.forbidden, "label forbidden-name", unit);
  drawScale(svg, left, low, unit);
}

async function askDensity() {
  const key = densityKey();
  if (!shownLayer("density") || densities.has(key) || by("floor").value === "") return;
  const [floor, ladder] = key.split("?");
  try {
    densities.set(key, await ask(
      `/api/v1/coverage/floors/${encodeURIComponent(floor)}/density?ladder=${ladder}`));
  } catch {
    say(t("coverage.live.not_reached"), false);
  }
}

async function drawAnew() {
  await askDensity();
  draw();
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

function drawCameras(svg, up, floor, state, unit) {
  for (const camera of floor.cameras) {
    const [x, y] = camera.at;
    const well = state === null || state.healthy.has(camera.id);
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
    const well = state === null || state.healthy.has(camera.id);
    const name = inLanguage(camera.name);
    label(svg, [x, y + 16 * unit], "label", well ? name : `✕ ${name}`, unit);
  }
}

function row(...cells) {
  const made = document.createElement("tr");
  for (const cell of cells) {
    const box = document.createElement("td");
    if (cell instanceof Node) box.append(cell);
    else box.textContent = cell;
    made.append(box);
  }
  return made;
}

function marked(text, good) {
  const made = document.createElement("span");
  made.className = good ? "good" : "bad";
  made.textContent = `${good ? "●" : "✕"} ${text}`;
  return made;
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

function group(...parts) {
  const made = document.createElement("span");
  made.append(...parts);
  return made;
}

const areaName = (id) => names.areas.get(id) ?? id;
const cameraName = (id) => names.cameras.get(id) ?? id;

function fillAreas() {
  by("areas").replaceChildren(...present.areas.map((area) => row(
    areaName(area.area_id) + (area.critical ? ` ★${t("coverage.live.critical")}` : ""),
    marked(t(`coverage.live.area_state.${area.state}`), area.state === "whole"),
    `${area.seen_m2.toFixed(2)} / ${area.planned_m2.toFixed(2)}`,
    area.lost_because.map(cameraName).join("、") || "—",
  )));
}

function fillCameras(known) {
  by("cameras").replaceChildren(...present.cameras.map((camera) => {
    const learnt = known.baselines.filter((one) => one.camera_id === camera.camera_id);
    const waiting = known.suspended.some((one) => one.camera_id === camera.camera_id);
    const id = encodeURIComponent(camera.camera_id);
    const words = camera.pending ? t("camera_state.starting")
      : camera.causes.map((cause) => t(`cause.${cause}`)).join("、") || t("coverage.live.well");
    const acts = [];
    if (body.mayCalibrate) {
      if (waiting) {
        acts.push(button(t("coverage.live.confirm_calibration"), () =>
          post(`/api/v1/cameras/${id}/calibration/confirm`, { note: "" })));
      }
      for (const one of learnt.filter((each) => !each.confirmed_by)) {
        acts.push(button(`${t("coverage.live.confirm_baseline")} ${t(`coverage.live.mode.${one.mode}`)}`,
          () => post(`/api/v1/cameras/${id}/baselines/${one.mode}/confirm`)));
      }
      acts.push(button(t("coverage.live.relearn"), () => post(`/api/v1/cameras/${id}/baselines/relearn`)));
    }
    const baselines = learnt.map((one) => `${t(`coverage.live.mode.${one.mode}`)} ${
      one.confirmed_by ? `${t("coverage.live.confirmed_by")} ${one.confirmed_by}` : t("coverage.live.unconfirmed")
    }${one.watches_movement ? "" : `（${t("coverage.live.no_landmarks")}）`}`);
    return row(cameraName(camera.camera_id), marked(words, camera.healthy || camera.pending),
      baselines.join("；") || t("coverage.live.learning"), group(...acts));
  }));
}

function fillFaults(known) {
  by("faults").replaceChildren(...known.faults.map((fault) => {
    const id = encodeURIComponent(fault.camera_id);
    const link = document.createElement("a");
    link.href = `/api/v1/cameras/${id}/faults/${fault.id}/picture.jpg`;
    link.textContent = t("coverage.live.picture");
    return row(cameraName(fault.camera_id), marked(t(`cause.${fault.fault}`), fault.closed_at !== null),
      clock(fault.since), `${Math.round(fault.duration_s)} s`, fault.has_picture ? link : "—");
  }));
}

function fillTasks(known) {
  by("tasks").replaceChildren(...known.tasks.map((task) => {
    const acts = [];
    if (body.mayRun && task.closed_at === null) {
      acts.push(button(t("coverage.live.take"), () => post(`/api/v1/coverage/tasks/${task.id}/take`)));
      if (task.seen_again_at !== null) {
        acts.push(button(t("coverage.live.close"), () =>
          post(`/api/v1/coverage/tasks/${task.id}/close`, { note: "" })));
      }
    }
    const state = task.closed_at ? `${t("coverage.live.closed_by")} ${task.closed_by}`
      : task.seen_again_at ? t("coverage.live.seen_again") : t("coverage.live.area_state.blind");
    return row(areaName(task.area_id), task.camera_ids.map(cameraName).join("、"), clock(task.due_at),
      task.owner || "—", marked(state, task.closed_at !== null), group(...acts));
  }));
}

function fillDays(known) {
  by("rates").replaceChildren(...known.rates.map((rate) => row(
    `≥ ${(rate.target_share * 100).toFixed(0)} %`, String(rate.cameras),
    rate.healthy_share === null ? "—" : marked(`${(rate.healthy_share * 100).toFixed(2)} %`, rate.met),
  )));
  by("days").replaceChildren(...known.areas.map((day) => row(
    day.day, areaName(day.area_id), day.lost_m2_h.toFixed(2), day.watched_h.toFixed(2),
  )));
}

async function refresh() {
  try {
    const [now, past, baselines, faults, tasks, days] = await Promise.all([
      ask("/api/v1/coverage/now"), ask("/api/v1/coverage/changes"), ask("/api/v1/coverage/baselines"),
      ask("/api/v1/coverage/faults?limit=50"), ask("/api/v1/coverage/tasks"), ask("/api/v1/coverage/days"),
    ]);
    present = now;
    changes = past.changes;
    if (plan === null && now.ready) await loadPlan();
    fillAreas();
    fillCameras(baselines);
    fillFaults(faults);
    fillTasks(tasks);
    fillDays(days);
    draw();
  } catch {
    say(t("coverage.live.not_reached"), false);
  }
}

async function loadPlan() {
  plan = await ask("/api/v1/coverage/plan");
  for (const floor of plan.floors) {
    const option = document.createElement("option");
    option.value = floor.id;
    option.textContent = inLanguage(floor.name);
    by("floor").append(option);
    for (const area of floor.areas) names.areas.set(area.id, inLanguage(area.name));
    for (const camera of floor.cameras) names.cameras.set(camera.id, inLanguage(camera.name));
  }
}

by("floor").addEventListener("change", drawAnew);
by("ladder").addEventListener("change", drawAnew);
by("time").addEventListener("input", draw);
by("to-now").addEventListener("click", () => {
  by("time").value = "1440";
  draw();
});
addEventListener("resize", draw);
for (const box of document.querySelectorAll("input[data-layer]")) box.addEventListener("change", drawAnew);
followAudit({ t, inLanguage, mayRun: body.mayRun, clock, post, drawn: draw });
await refresh();
setInterval(refresh, 5000);
