// The audit of the site on the page: its figures, its blind spots, and its files.

import { sending } from "/console/js/request.js";
import { pathOf, shape } from "./shapes.js";

const by = (id) => document.getElementById(id);
const AGAIN_MS = 2000;
let made = null;

// The numbered blind spots of a floor, hatched, each with its number where a person fits in best.
// Returns the boxes of the numbers, so that no word is written over one.
export function drawSpots(svg, up, floorId, unit) {
  const floor = made?.floors.find((one) => one.id === floorId);
  const spots = (floor?.areas ?? []).flatMap((area) => area.blind);
  for (const spot of spots) {
    up.append(shape("path", { d: pathOf(spot.polygon), class: "unassured", "data-spot": spot.number }));
    const [x, y] = spot.centre_xy_m;
    svg.append(shape("circle", { cx: x, cy: -y, r: 9 * unit, class: "spot", "stroke-width": 1.5 * unit }));
    svg.append(shape("text", {
      x, y: -y + 4 * unit, class: "spot-number", "font-size": 11 * unit,
    }, String(spot.number)));
  }
  const r = 10 * unit;
  return spots.map(({ centre_xy_m: [x, y] }) => ({ left: x - r, right: x + r, top: -y - r, bottom: -y + r }));
}

function row(...cells) {
  const made = document.createElement("tr");
  for (const cell of cells) {
    const box = document.createElement("td");
    box.append(cell);
    made.append(box);
  }
  return made;
}

function verdict(good, text) {
  const made = document.createElement("span");
  made.className = good ? "good" : "bad";
  made.textContent = `${good ? "●" : "✕"} ${text}`;
  return made;
}

function link(kind, ladder) {
  const made = document.createElement("a");
  made.href = `/api/v1/coverage/audit.${kind}?ladder=${ladder}`;
  made.download = `audit.${kind}`;
  made.textContent = kind.toUpperCase();
  return made;
}

const percent = (share) => `${(share * 100).toFixed(2)} %`;

function kept(area) {
  const found = area.retention;
  if (found === null) return `— / ${area.retention_days}`;
  const sign = { short: "✕ ", unstated: "△ ", met: "" }[found.state];
  return `${sign}${found.kept_days ?? "?"} / ${found.asked_days}`;
}

function fill({ t, inLanguage, mayRun, clock }) {
  const areas = made.floors.flatMap((floor) => floor.areas.map((area) => [floor, area]));
  by("audit-areas").replaceChildren(...areas.map(([floor, area]) => row(
    inLanguage(floor.name), inLanguage(area.name) + (area.critical ? " ★" : ""),
    `${t(`coverage.step.${area.level}`)} ≥ ${area.least_px_per_m} px/m`, area.area_m2.toFixed(2),
    area.assured_m2.toFixed(2), percent(area.assured_share), area.blind_m2.toFixed(2),
    area.single_m2.toFixed(2), kept(area), verdict(area.met, t(area.met ? "coverage.yes" : "coverage.no")),
  )));
  by("audit-spots").replaceChildren(...areas.flatMap(([floor, area]) => area.blind.map((spot) => row(
    String(spot.number), inLanguage(floor.name), inLanguage(area.name), spot.area_m2.toFixed(2),
    spot.radius_m.toFixed(2), spot.cause ? t(`coverage.cause.${spot.cause}`) : "—",
  ))));
  const { totals } = made;
  const values = {
    met: totals.areas_met, areas: totals.areas, share: percent(totals.assured_share),
    blind: totals.blind_m2.toFixed(2), views: totals.forbidden_views,
  };
  by("audit-state").textContent = t("coverage.live.audit_total").replace(
    /\{(\w+)\}/g, (_, name) => String(values[name]));
  by("audit-files").replaceChildren(link("pdf", made.ladder_id), " ", link("json", made.ladder_id));
  by("audit-seal").textContent = `SHA-256 ${made.sha256}`;
  const who = made.confirmation;
  by("audit-signed").textContent = who === null ? `△ ${t("coverage.live.audit_draft")}`
    : `● ${t("coverage.live.audit_confirmed").replace("{name}", who.name).replace("{at}", clock(who.at))}`;
  by("audit-confirm").hidden = who !== null || !mayRun;
  by("audit").hidden = false;
  if (mayRun) by("audit-start").textContent = t("coverage.live.audit_anew");
}

// Ask until the audit is there; the first to ask sets it going.
export function followAudit(page) {
  const { t, inLanguage, mayRun, drawn } = page;
  const start = by("audit-start");
  // The service's answer; a refusal is thrown in its own words.
  async function ask(ladder, request) {
    let answer;
    try {
      answer = await fetch(`/api/v1/coverage/audit?ladder=${ladder}`, request);
    } catch {
      throw new Error(t("coverage.live.not_reached"));
    }
    if (!answer.ok) throw new Error(inLanguage((await answer.json()).message));
    return answer;
  }
  async function wait(ladder) {
    const found = await (await ask(ladder)).json();
    if (!found.ready) {
      await new Promise((done) => { setTimeout(done, AGAIN_MS); });
      return wait(ladder);
    }
    return found.document;
  }
  start.addEventListener("click", async () => {
    const ladder = by("ladder").value;
    start.disabled = true;
    by("audit-state").textContent = t("coverage.live.audit_making");
    try {
      if (made?.ladder_id === ladder && mayRun) await ask(ladder, sending({}));
      made = await wait(ladder);
      fill(page);
      drawn();
    } catch (error) {
      by("audit-state").textContent = `✕ ${error.message}`;
    }
    start.disabled = false;
  });
  by("audit-confirm").addEventListener("click", async () => {
    await page.post("/api/v1/coverage/audit/confirm", { ladder: made.ladder_id, sha256: made.sha256 });
    made = await wait(made.ladder_id);
    fill(page);
  });
}
