// What an alarm is called and where it is, in the page's language.

import { alarms, areas, cameras, receivers, things, zones } from "./store.js";
import { inLanguage, levelText, listText, t } from "./texts.js";

/** Kinds that are about the whole site: they have no place. */
const OF_THE_SITE = new Set(["site_files", "recording_stopped", "disk_low"]);

/** Where an alarm is: its zone, its camera, its button. */
export function placeText(alarm) {
  if (alarm.type === "camera_lost") {
    const camera = cameras.get(alarm.subject_id);
    return t("alarm.camera_lost.title", { camera: camera ? inLanguage(camera.name) : alarm.subject_id });
  }
  if (alarm.type === "worker_lost" || alarm.type === "recorder_lost") {
    const count = knownReasons(alarm)[0]?.measured ?? 0;
    const key = count === 1 ? "alarm.group_lost.title.one" : "alarm.group_lost.title";
    return t(key, { name: thingText(alarm.subject_id), count });
  }
  if (alarm.type === "area_blind") {
    const area = areas.get(alarm.subject_id);
    return t("alarm.area_blind.title", { area: area ? inLanguage(area.name) : alarm.subject_id });
  }
  if (alarm.type === "delivery") return receiverText(alarm.subject_id);
  if (OF_THE_SITE.has(alarm.type)) return t(`alarm.type.${alarm.type}`);
  const zone = zones.get(alarm.subject_id) ?? zones.get(alarm.zone_ids[0]);
  const where = zone ? inLanguage(zone.name) : "";
  const what = things.has(alarm.subject_id) || !where ? thingText(alarm.subject_id) : "";
  const place = [where, what].filter(Boolean).join(" · ");
  return alarm.type === "crowd" ? place : `${t(`alarm.type.${alarm.type}`)} · ${place}`;
}

/** The name of a button, module, recorder or analysis process; its id where it has none. */
function thingText(id) {
  const thing = things.get(id);
  if (thing) return inLanguage(thing.name);
  const worker = /^worker-(\d+)$/.exec(id);
  return worker ? t("alarm.worker", { number: worker[1] }) : id;
}

/** The receiver that a fault of delivery is about; `sender` stands for all of them. */
function receiverText(subject) {
  if (subject === "stranded") return t("alarm.delivery.stranded");
  const [id, path] = subject.split("/");
  const receiver = receivers.get(id);
  if (!receiver) return t("alarm.delivery.sender");
  const name = inLanguage(receiver.name);
  return ["ack", "refused", "test"].includes(path) ? name : t("alarm.delivery.path", { name, path });
}

/** Whom to telephone when delivery is at fault: name and number, empty where no number is known. */
export function phoneText(alarm) {
  const about = receivers.get(alarm.subject_id.split("/")[0]);
  const asked = about ? [about] : [...receivers.values()].filter((one) => one.role === "police");
  return listText(asked.filter((one) => one.phone).map((one) => `${inLanguage(one.name)} ${one.phone}`));
}

/** The sign of an alarm: its level for a crowd, its kind for everything else. */
export function signText(alarm) {
  return alarm.type === "crowd" ? levelText(alarm.peak.level) : t(`alarm.type.${alarm.type}`);
}

/** Why the alarm is, or was: a fault that went away by itself has no reason any more. */
export const knownReasons = (alarm) => (alarm.now.reasons.length ? alarm.now : alarm.peak).reasons;

/** The shape of each kind but a crowd. The camera with a bar means that nobody sees, and nothing else. */
const SHAPES = {
  camera_lost: "camera_lost", area_blind: "camera_lost", worker_lost: "camera_lost", recorder_lost: "camera_lost",
  panic: "L4", delivery: "lost", recording_stopped: "record", disk_low: "disk", site_files: "file",
  panel_fault: "line", test: "bell",
};

/** The page's shape for an alarm. */
export const signShape = (alarm) =>
  alarm.type === "crowd" ? alarm.peak.level : (SHAPES[alarm.type] ?? "UNKNOWN");

/** The open alarms that stand under an alarm. */
export function childrenOf(number) {
  return [...alarms.values()].filter((alarm) => alarm.hold?.parent_number === number);
}
