// Where an alarm is: the floor's plan as the site file draws it, with the alarm's zones filled.

import { byId, makeSvg, setText } from "./dom.js";
import { getInTheEnd } from "./service.js";
import { inLanguage, t } from "./texts.js";

const MARGIN_M = 0.6;

let floors = null;
let drawn = "";

/** Read the site's plan once; until it is there its place stays empty. */
export async function loadPlan() {
  ({ floors } = await getInTheEnd("/api/v1/site-plan"));
}

/**
 * Draw the floor of these zones. `levels` gives each zone's level by id; `contacts` what the contact
 * of a door says, by id. Of a door without one nobody knows more than the site file draws.
 */
export function drawPlan(zoneIds, levels, contacts) {
  const floor = floors?.find((one) => one.zones.some((zone) => zoneIds.includes(zone.id)));
  byId("plan").hidden = !floor;
  if (!floor) {
    drawn = "";
    return;
  }
  const doors = floor.doors.map((door) => contacts.get(door.id) ?? "");
  const wanted = [floor.id, zoneIds, floor.zones.map((zone) => levels(zone.id)), doors].join("|");
  if (wanted === drawn) return;
  drawn = wanted;
  const svg = byId("plan-picture");
  const xs = floor.outline.map(([x]) => x);
  const ys = floor.outline.map(([, y]) => y);
  const left = Math.min(...xs) - MARGIN_M;
  const top = -Math.max(...ys) - MARGIN_M;
  const width = Math.max(...xs) - Math.min(...xs) + 2 * MARGIN_M;
  const height = Math.max(...ys) - Math.min(...ys) + 2 * MARGIN_M;
  svg.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
  svg.replaceChildren(
    makeSvg("polygon", { points: points(floor.outline), class: "plan-floor" }),
    ...floor.zones.map((zone) => zoneShape(zone, zoneIds.includes(zone.id), levels(zone.id))),
    ...floor.walls.map((wall) => makeSvg("polyline", { points: points(wall), class: "plan-wall" })),
    ...floor.doors.map((door) => doorShape(door, contacts.get(door.id))),
    ...floor.cameras.map((camera) => cameraShape(camera)),
    ...floor.zones.map((zone) => label(zone, zoneIds.includes(zone.id))),
  );
  setText(byId("plan-name"), inLanguage(floor.name));
}

// The plan's y goes up, the screen's goes down.
const points = (list) => list.map(([x, y]) => `${x},${-y}`).join(" ");

function zoneShape(zone, alarmed, level) {
  const shape = makeSvg("polygon", {
    points: points(zone.polygon), class: alarmed ? "plan-zone is-alarmed" : "plan-zone", "data-level": level,
  });
  const title = makeSvg("title", {});
  title.textContent = inLanguage(zone.name);
  shape.append(title);
  return shape;
}

function doorShape(door, told) {
  const [[x1, y1], [x2, y2]] = door.ends;
  const kind = told ? `is-${told}` : `is-${door.state} is-drawn`;
  const line = makeSvg("line", { x1, y1: -y1, x2, y2: -y2, class: `plan-door ${kind}`, "data-door": door.id });
  const title = makeSvg("title", {});
  const words = told ? `console.zone.door.${told}` : `desk.plan.door.${door.state}`;
  title.textContent = t(words, { doors: inLanguage(door.name) });
  line.append(title);
  return line;
}

function cameraShape(camera) {
  return makeSvg("circle", { cx: camera.xy[0], cy: -camera.xy[1], r: 0.25, class: "plan-camera" });
}

function label(zone, alarmed) {
  const xs = zone.polygon.map(([x]) => x);
  const ys = zone.polygon.map(([, y]) => y);
  const text = makeSvg("text", {
    x: (Math.min(...xs) + Math.max(...xs)) / 2,
    y: -(Math.min(...ys) + Math.max(...ys)) / 2,
    class: alarmed ? "plan-label is-alarmed" : "plan-label",
  });
  text.textContent = inLanguage(zone.name);
  return text;
}
