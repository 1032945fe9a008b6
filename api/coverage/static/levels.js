// The layer of pixel density: which step of a ladder is reached where.

import { pathOf, shape } from "./shapes.js";

const by = (id) => document.getElementById(id);

export const densityKey = () => `${by("floor").value}?${by("ladder").value}`;

const stepWords = (step, t) => `${t(`coverage.step.${step.name}`)} ≥ ${step.px_per_m} px/m`;

// Coarse to fine: what is seen more finely lies over what is seen at all.
export function drawLevels(up, levels, healthy, t) {
  levels.steps.forEach((step, index) => {
    const level = shape("g", { class: `level level-${index}`, "data-step": step.name });
    level.append(shape("title", {}, stepWords(step, t)));
    for (const view of step.views) {
      if (healthy !== undefined && !healthy.has(view.camera_id)) continue;
      for (const rings of view.polygons) level.append(shape("path", { d: pathOf(rings) }));
    }
    up.append(level);
  });
}

export function fillLevels(levels, t) {
  for (const old of document.querySelectorAll(".legend .step")) old.remove();
  by("density-note").hidden = levels === undefined;
  (levels?.steps ?? []).forEach((step, index) => {
    const entry = document.createElement("li");
    const key = document.createElement("span");
    entry.className = "step";
    key.className = `key level-${index}`;
    entry.append(key, stepWords(step, t));
    by("density-note").before(entry);
  });
}
