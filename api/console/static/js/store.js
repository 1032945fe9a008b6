// What the service told: zones, cameras, areas and alarms by id. No page elements here.

export const zones = new Map();
export const cameras = new Map();
export const areas = new Map();
export const alarms = new Map();
/** What else an alarm may be about: buttons, outputs, modules, recorders. */
export const things = new Map();
/** Receivers outside the school. */
export const receivers = new Map();
/** Whether each analysis process keeps up, by its id. */
export const workers = new Map();
export const recent = new Map();
/**
 * `silent` while the service tells nothing: what is known is then what was. `unkept` is what the
 * database does not take; null while it stores.
 */
export const site = { staleAfterS: 3, forPolice: false, silent: false, unkept: null, leftOut: 0 };

const byKey = (list, key) => list.map((item) => [item[key], item]);

function refill(map, entries) {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}

/** Take one event in. */
export function take(kind, body) {
  if (kind === "snapshot") {
    site.staleAfterS = body.stale_after_s;
    site.leftOut = body.alarms_left_out;
    refill(zones, byKey(body.zones, "id"));
    refill(cameras, byKey(body.cameras, "id"));
    refill(areas, byKey(body.areas, "id"));
    refill(things, byKey(body.things, "id"));
    refill(receivers, byKey(body.receivers, "id"));
    refill(workers, byKey(body.workers, "worker_id"));
    refill(alarms, byKey(body.alarms, "number"));
    refill(recent, byKey(body.recent, "number"));
  } else if (kind === "zone") zones.set(body.id, body);
  else if (kind === "camera") cameras.set(body.id, body);
  else if (kind === "load") workers.set(body.worker_id, body);
  else if (kind === "alarm") takeAlarm(body);
  else if (kind === "store") site.unkept = body.kept ? null : body;
}

/** Take an alarm in, unless something newer of it is known. */
export function takeAlarm(alarm) {
  const known = alarms.get(alarm.number) ?? recent.get(alarm.number);
  if (known && known.version > alarm.version) return;
  alarms.delete(alarm.number);
  recent.delete(alarm.number);
  (alarm.state === "closed" ? recent : alarms).set(alarm.number, alarm);
}

/** Workers that analyse some camera less, or lose frames, for lack of time. */
export function shortOfTime() {
  return [...workers.values()].filter((one) => one.shed_step > 0 || one.lost_share > 0.05);
}

/** Nobody has acknowledged it yet. */
export const waits = (alarm) => alarm.state.endsWith("unacknowledged");

/** One wait of an alarm; that it came back, or got more urgent, is another one. */
export const waitOf = (alarm) => `${alarm.number}/${alarm.waiting_since}/${alarm.priority}`;

/** 0 to 4; -1 where nobody can say. */
export const severity = (level) => (level === "UNKNOWN" ? -1 : Number(level[1]));

/** Put aside by people, or standing under a parent alarm. */
export const isHeld = (alarm) => alarm.hold !== null;

const onlyToClose = (alarm) => !waits(alarm) && (alarm.condition === "gone" || isHeld(alarm));

const MILDEST_FOR_POLICE = 2;

/** What the police room is shown: urgent, confirmed (or not looked at in time), not put aside. */
const isForPolice = (alarm) =>
  alarm.priority <= MILDEST_FOR_POLICE && alarm.type !== "test" &&
  alarm.check?.verdict === "confirmed" && !isHeld(alarm);

/** Which of two alarms stands above the other, as `sort` asks it: negative for the first. */
export const ranks = (a, b) =>
  onlyToClose(a) - onlyToClose(b) ||
  a.priority - b.priority ||
  waits(b) - waits(a) ||
  severity(b.peak.level) - severity(a.peak.level) ||
  b.number - a.number;

/** Open alarms of this view, the worst first; what only waits to be closed stands last. */
export function openAlarms() {
  return [...alarms.values()].filter((alarm) => !site.forPolice || isForPolice(alarm)).sort(ranks);
}

/** Cameras that look at open crowd alarms, those of the first alarm first. */
export function camerasInAlarm() {
  const crowds = openAlarms().filter((alarm) => alarm.type === "crowd");
  const ids = crowds.flatMap((alarm) => zones.get(alarm.subject_id)?.camera_ids ?? []);
  return [...new Set(ids)];
}
