// The coverage page: draws the plan, follows the present, and goes back in time.

import "/console/js/once.js";
import { followAudit } from "./audit.js";
import { asOf, heard, unheard } from "./connection.js";
import { askDensity, draw } from "./drawing.js";
import { ask, body, by, clock, inLanguage, learnNames, post, t, timeOfDay } from "./page.js";
import { followRecord, isCut, stoodAt } from "./record.js";
import { fillAreas, fillCameras, fillDays, fillFaults, fillTasks } from "./tables.js";

const AGAIN_MS = 5000;
const DAY_MINUTES = 1440;

let plan = null;
let present = null;

/** How coverage stood at the chosen moment; null where nobody knows. Says which moment that is. */
function standing() {
  const now = asOf();
  const back = DAY_MINUTES - Number(by("time").value);
  if (present === null || now === null) return null;
  if (back === 0) {
    by("shown").textContent = t("coverage.live.as_of", { time: timeOfDay(now) });
    // A camera that nobody has told of since the start ends no blindness: the plan says as the table.
    const missed = new Set(present.areas.flatMap((one) => one.lost_because));
    const hoped = (one) => one.pending && !missed.has(one.camera_id);
    const ids = (wanted) => new Set(present.cameras.filter(wanted).map((one) => one.camera_id));
    return {
      healthy: ids((one) => one.healthy || hoped(one)), pending: ids((one) => one.pending), areas: present.areas,
    };
  }
  const moment = now - back * 60_000;
  const stood = stoodAt(moment);
  const words = [clock(moment)];
  if (stood === null) words.push(t(isCut() ? "coverage.live.record_cut" : "coverage.live.not_watched"));
  by("shown").textContent = words.join(" · ");
  return stood;
}

function show() {
  if (plan !== null) draw(plan, standing());
}

async function showFloor() {
  await askDensity();
  show();
}

async function refresh() {
  try {
    const [now, baselines, faults, tasks, days] = await Promise.all([
      ask("/api/v1/coverage/now"), ask("/api/v1/coverage/baselines"), ask("/api/v1/coverage/faults?limit=50"),
      ask("/api/v1/coverage/tasks"), ask("/api/v1/coverage/days"), followRecord(),
    ]);
    if (plan === null && now.ready) await loadPlan();
    present = now;
    heard(Date.parse(now.at));
    fillAreas(present);
    fillCameras(present, baselines);
    fillFaults(faults);
    fillTasks(tasks);
    fillDays(days);
  } catch (error) {
    unheard(error);
  }
  show();
}

async function loadPlan() {
  plan = await ask("/api/v1/coverage/plan");
  learnNames(plan);
  for (const floor of plan.floors) by("floor").append(new Option(inLanguage(floor.name), floor.id));
}

by("floor").addEventListener("change", showFloor);
by("ladder").addEventListener("change", showFloor);
by("time").addEventListener("input", show);
by("to-now").addEventListener("click", () => {
  by("time").value = String(DAY_MINUTES);
  show();
});
addEventListener("resize", show);
document.addEventListener("coverage-asked", refresh);
for (const box of document.querySelectorAll("input[data-layer]")) box.addEventListener("change", showFloor);
followAudit({ t, inLanguage, mayRun: body.mayRun, clock, post, drawn: show });
for (;;) {
  await refresh();
  await new Promise((again) => { setTimeout(again, AGAIN_MS); });
}
