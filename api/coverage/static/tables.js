// The tables below the plan: areas, cameras, faults, tasks, sums a day.

import { areaName, body, cameraName, clock, listText, post, t } from "./page.js";
import { buttons, fillRows, link, marked } from "./rows.js";

const path = encodeURIComponent;

export function fillAreas(present) {
  fillRows("areas", present.areas.map((area) => ({
    key: area.area_id,
    cells: [
      areaName(area.area_id) + (area.critical ? ` ★${t("coverage.live.critical")}` : ""),
      marked(t(`coverage.live.area_state.${area.state}`), area.state === "whole"),
      `${area.seen_m2.toFixed(2)} / ${area.planned_m2.toFixed(2)}`,
      listText(area.lost_because.map(cameraName)) || "—",
    ],
  })));
}

export function fillCameras(present, known) {
  fillRows("cameras", present.cameras.map((camera) => {
    const learnt = known.baselines.filter((one) => one.camera_id === camera.camera_id);
    const waits = known.suspended.some((one) => one.camera_id === camera.camera_id);
    const words = camera.pending ? t("camera_state.starting")
      : listText(camera.causes.map((cause) => t(`cause.${cause}`))) || t("coverage.live.well");
    return {
      key: camera.camera_id,
      cells: [
        cameraName(camera.camera_id), marked(words, camera.healthy || camera.pending),
        learnt.map(baselineText).join(body.lang === "en" ? "; " : "；") || t("coverage.live.learning"),
        buttons(body.mayCalibrate ? calibrating(camera.camera_id, learnt, waits) : []),
      ],
    };
  }));
}

function baselineText(one) {
  const who = one.confirmed_by ? `${t("coverage.live.confirmed_by")} ${one.confirmed_by}` : t("coverage.live.unconfirmed");
  const blind = one.watches_movement ? "" : ` · ${t("coverage.live.no_landmarks")}`;
  return `${t(`coverage.live.mode.${one.mode}`)} ${who}${blind}`;
}

function calibrating(cameraId, learnt, waits) {
  const base = `/api/v1/cameras/${path(cameraId)}`;
  const acts = learnt.filter((one) => !one.confirmed_by).map((one) => ({
    key: one.mode,
    text: `${t("coverage.live.confirm_baseline")} ${t(`coverage.live.mode.${one.mode}`)}`,
    act: () => post(`${base}/baselines/${one.mode}/confirm`),
  }));
  if (waits) {
    acts.unshift({
      key: "calibration",
      text: t("coverage.live.confirm_calibration"),
      act: () => post(`${base}/calibration/confirm`, { note: "" }),
    });
  }
  acts.push({ key: "relearn", text: t("coverage.live.relearn"), act: () => relearn(cameraId, base) });
  return acts;
}

/** Until a camera has learnt its view anew nobody notices that it was covered or turned. */
function relearn(cameraId, base) {
  const sure = t("coverage.live.relearn_sure", { camera: cameraName(cameraId) });
  if (window.confirm(sure)) post(`${base}/baselines/relearn`);
}

export function fillFaults(known) {
  fillRows("faults", known.faults.map((fault) => ({
    key: String(fault.id),
    cells: [
      cameraName(fault.camera_id), marked(t(`cause.${fault.fault}`), fault.closed_at !== null),
      clock(fault.since), `${Math.round(fault.duration_s)} s`,
      fault.has_picture
        ? link(`/api/v1/cameras/${path(fault.camera_id)}/faults/${fault.id}/picture.jpg`, t("coverage.live.picture"))
        : "—",
    ],
  })));
}

export function fillTasks(known) {
  fillRows("tasks", known.tasks.map((task) => ({
    key: String(task.id),
    cells: [
      areaName(task.area_id), listText(task.camera_ids.map(cameraName)), clock(task.due_at), task.owner || "—",
      marked(taskText(task), task.closed_at !== null), buttons(body.mayRun ? working(task) : []),
    ],
  })));
}

function taskText(task) {
  if (task.closed_at) return `${t("coverage.live.closed_by")} ${task.closed_by}`;
  if (task.off_site_at) return t("coverage.live.off_site");
  return t(task.seen_again_at ? "coverage.live.seen_again" : "coverage.live.area_state.blind");
}

function working(task) {
  const base = `/api/v1/coverage/tasks/${task.id}`;
  const acts = [];
  if (task.closed_at === null) acts.push({ key: "take", text: t("coverage.live.take"), act: () => post(`${base}/take`) });
  if (task.may_close) {
    acts.push({ key: "close", text: t("coverage.live.close"), act: () => post(`${base}/close`, { note: "" }) });
  }
  return acts;
}

export function fillDays(known) {
  fillRows("rates", known.rates.map((rate) => ({
    key: String(rate.target_share),
    cells: [
      `≥ ${(rate.target_share * 100).toFixed(0)} %`, String(rate.cameras),
      rate.healthy_share === null ? "—" : marked(`${(rate.healthy_share * 100).toFixed(2)} %`, rate.met),
    ],
  })));
  fillRows("days", known.areas.map((day) => ({
    key: `${day.day}/${day.area_id}`,
    cells: [day.day, areaName(day.area_id), day.lost_m2_h.toFixed(2), day.watched_h.toFixed(2)],
  })));
}
