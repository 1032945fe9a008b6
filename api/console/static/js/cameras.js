// The camera wall. Pictures are asked for only while somebody on duty can see them.

import { byId, make, setOrder, setText } from "./dom.js";
import { currentShift, onDuty, shiftIsOver } from "./shift.js";
import { cameras, camerasInAlarm, openAlarms, site, waits, zones } from "./store.js";
import { has, inLanguage, levelText, t } from "./texts.js";
import { ageOf, agoText, serverNow } from "./time.js";
import { placeText, signText } from "./titles.js";
import { shownLevel } from "./zones.js";
import { unkeptText } from "./unkept.js";

const HOT_EVERY_MS = 500;
const CALM_EVERY_MS = 1000;
const FAILED_EVERY_MS = 2000;
const OLD_PICTURE_S = 4;

const cards = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const card = cards.get(entry.target.dataset.camera);
    if (card) card.visible = entry.isIntersecting;
  }
});
let enlarged = null;

/** Follow the large picture's buttons and start asking for pictures. */
export function setUpCameras() {
  byId("large-close").addEventListener("click", () => byId("large").close());
  byId("large").addEventListener("close", () => { enlarged = null; });
  byId("large").addEventListener("click", (event) => {
    if (event.target === byId("large")) byId("large").close();
  });
  setInterval(askForPictures, 100);
}

/** Bring all cards up to date; those that look at an alarm come first, the worst larger. */
export function renderCameras() {
  const hot = camerasInAlarm();
  for (const [id, card] of cards) {
    if (!cameras.has(id)) {
      watcher.unobserve(card.root);
      cards.delete(id);
    }
  }
  for (const camera of cameras.values()) {
    if (!cards.has(camera.id)) cards.set(camera.id, makeCard(camera));
    fillCard(cards.get(camera.id), camera, hot.indexOf(camera.id));
  }
  // The police see pictures of the place of an alarm, and no others.
  const order = new Set([...hot.filter((id) => cameras.has(id)), ...(site.forPolice ? [] : cameras.keys())]);
  setOrder(byId("camera-list"), [...order].map((id) => cards.get(id).root));
  renderLarge([...order]);
}

/** The large picture says as much as the small one: one that stands still must not look live. */
function renderLarge(shown) {
  if (enlarged === null) return;
  if (onDuty() === null || !shown.includes(enlarged.id)) {
    byId("large").close();
    return;
  }
  byId("large").classList.toggle("is-old", enlarged.root.classList.contains("is-old"));
  setText(byId("large-state"), enlarged.state.textContent);
  const words = [enlarged.old.hidden ? "" : enlarged.old.textContent, enlarged.failure].filter(Boolean);
  byId("large-old").hidden = words.length === 0;
  setText(byId("large-old"), words.join(" · "));
  const urgent = coveredText();
  byId("large-alarm").hidden = urgent === "";
  setText(byId("large-alarm"), urgent);
}

/** What the large picture covers, and nobody may miss: a lost server, a lost database, an alarm that
    waits. */
function coveredText() {
  const silent = ["lost", "refused"].find((id) => !byId(id).hidden);
  if (silent) return t(`console.link.${silent}`);
  const unkept = unkeptText();
  const waiting = openAlarms().filter(waits);
  if (!waiting.length) return unkept;
  const [worst] = waiting;
  return [...(unkept ? [unkept] : []), t("console.alarms.waiting", { count: waiting.length }), placeText(worst), signText(worst)].join(" · ");
}

function makeCard(camera) {
  const name = inLanguage(camera.name);
  const card = {
    id: camera.id, name, visible: false, busy: false, askAt: 0, url: null, capturedAt: null,
    failure: null, hot: false,
    // The button says what it shows.
    picture: make("img", { alt: "", hidden: true }),
    none: make("span", { class: "view-none" }),
    old: make("span", { class: "view-old", hidden: true }),
    state: make("span", { class: "view-state" }),
    zones: make("span", { class: "view-zones" }),
  };
  const view = make(
    "button",
    { class: "view-frame", type: "button", onclick: () => enlarge(card) },
    make("span", { class: "sr", text: `${t("console.camera.enlarge")}: ${name}` }), card.picture, card.none, card.old,
  );
  card.root = make(
    "article",
    { class: "view", "data-camera": camera.id },
    view,
    make("div", { class: "view-foot" }, make("h3", { text: name }), card.zones, card.state),
  );
  watcher.observe(card.root);
  return card;
}

function fillCard(card, camera, alarmRank) {
  card.hot = alarmRank >= 0;
  card.root.classList.toggle("is-alarmed", card.hot);
  card.root.classList.toggle("is-hot", alarmRank === 0);
  card.root.dataset.state = camera.state ?? "silent";
  setText(card.state, stateText(camera));
  fillZoneChips(card, camera);
  const age = ageOf(card.capturedAt);
  const old = card.url !== null && age !== null && age > OLD_PICTURE_S;
  card.root.classList.toggle("is-old", old || (card.url !== null && card.failure !== null));
  card.old.hidden = !old;
  if (old) setText(card.old, t("console.camera.old_picture", { age: agoText(age) }));
  card.picture.hidden = card.url === null || onDuty() === null;
  card.none.hidden = !card.picture.hidden;
  setText(card.none, onDuty() === null ? t("console.camera.hidden") : card.failure ?? t("console.camera.no_picture"));
}

function fillZoneChips(card, camera) {
  const seen = camera.zone_ids.map((id) => zones.get(id)).filter(Boolean);
  const wanted = seen.map((zone) => `${zone.id}:${shownLevel(zone)}`).join(" ");
  if (card.zones.dataset.shown === wanted) return;
  card.zones.dataset.shown = wanted;
  card.zones.replaceChildren(
    ...seen.map((zone) => {
      const level = shownLevel(zone);
      const text = `${inLanguage(zone.name)} ${levelText(level)}`;
      return make("span", { class: "chip", "data-level": level, text });
    }),
  );
}

function stateText(camera) {
  if (camera.state === null) return t("console.camera.no_word");
  const state = t(`camera_state.${camera.state}`);
  if (camera.state === "live") return state;
  const cause = camera.cause && has(`cause.${camera.cause}`) ? t(`cause.${camera.cause}`) : "";
  const since = t("console.camera.since", { age: agoText(ageOf(camera.since)) });
  return [state, cause, since].filter(Boolean).join(" · ");
}

function askForPictures() {
  if (document.visibilityState !== "visible" || onDuty() === null) return;
  const now = performance.now();
  for (const card of cards.values()) {
    if (!card.busy && now >= card.askAt && (card.visible || card === enlarged)) ask(card);
  }
}

async function ask(card) {
  const started = performance.now();
  const shift = currentShift();
  card.busy = true;
  try {
    const answer = await fetch(`/api/v1/cameras/${encodeURIComponent(card.id)}/picture.jpg`, {
      signal: AbortSignal.timeout(4000),
    });
    if (answer.ok) await take(card, answer);
    else card.failure = await refusalOf(answer, shift);
  } catch {
    card.failure = t("console.camera.no_picture");
  }
  const every = card.hot || card === enlarged ? HOT_EVERY_MS : CALM_EVERY_MS;
  card.askAt = started + (card.failure === null ? every : FAILED_EVERY_MS);
  card.busy = false;
}

/** Why there is no picture, as far as the service says it. */
async function refusalOf(answer, shift) {
  if (answer.status === 502) return t("console.camera.worker_silent");
  const problem = await answer.json();
  if (problem.code === "nobody_on_duty") shiftIsOver(shift);
  return answer.status === 503 ? t("console.camera.no_picture") : inLanguage(problem.message);
}

async function take(card, answer) {
  const url = URL.createObjectURL(await answer.blob());
  const before = card.url;
  card.url = url;
  card.failure = null;
  card.capturedAt = answer.headers.get("X-Captured-At") || new Date(serverNow()).toISOString();
  card.picture.src = url;
  if (card === enlarged) byId("large-picture").src = url;
  if (before) URL.revokeObjectURL(before);
}

function enlarge(card) {
  if (card.url === null || onDuty() === null) return;
  enlarged = card;
  setText(byId("large-name"), card.name);
  byId("large-picture").src = card.url;
  byId("large-picture").alt = t("console.camera.alt", { name: card.name });
  document.dispatchEvent(new Event("desk-changed"));
  byId("large").showModal();
}
