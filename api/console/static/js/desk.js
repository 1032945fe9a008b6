// The guard's desk: brings the parts together.

import { tickStep } from "./action_card.js";
import { acknowledgeChosen, closeChosen, renderAlarms } from "./alarms.js";
import { renderCameras, setUpCameras } from "./cameras.js";
import { onBeat } from "./beat.js";
import { byId, setText } from "./dom.js";
import { move, renderFocus, setUpFocus, step } from "./focus.js";
import { openLink } from "./link.js";
import { comparePage, setUpPageState } from "./page_state.js";
import { loadPlan } from "./place_plan.js";
import { renderEnding, showRefused } from "./session.js";
import { setUpShift } from "./shift.js";
import { sound } from "./sound.js";
import { cameras, shortOfTime, site, take } from "./store.js";
import { inLanguage, loadTexts, t } from "./texts.js";
import { clockText, dateText, learnServerTime, passedServerTime, serverNow, spanText } from "./time.js";
import { noteTyping, typesOn } from "./turned.js";
import { noteKept, renderUnkept } from "./unkept.js";
import { drawTrends, followZone, renderZones } from "./zones.js";

const RETRY_TEXTS_MS = 1000;
const HIDDEN_EVERY_MS = 100;
/** States of the link in which nothing on the page is current. */
const SILENT = ["lost", "refused"];

/** What each key does; the page shows the same list. */
const KEYS = {
  Enter: acknowledgeChosen,
  a: acknowledgeChosen,
  y: () => step("confirm"),
  n: () => step("reject"),
  e: () => step("escalate"),
  d: () => byId("focus-dispatch").focus(),
  c: closeChosen,
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  j: () => move(1),
  k: () => move(-1),
};

/** What takes keys for itself. */
const TYPED_INTO = "input:not([type=checkbox]), textarea";
const OWN_KEYS = `${TYPED_INTO}, select, dialog, audio, video`;
const PRESSED = "button, a, summary, input";

let linkState = "connecting";
let told = false;
let drawing = false;
let hiddenTimer = null;

/** Draw at most once a picture of the screen, however many events came. */
function changed() {
  if (document.visibilityState === "hidden") {
    // Nothing is painted then, but the alarm must sound all the same.
    hiddenTimer ??= setTimeout(() => {
      hiddenTimer = null;
      draw();
    }, HIDDEN_EVERY_MS);
    return;
  }
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

/** Say it when the machine is too slow for its cameras: what is looked at less, and by how much. */
function renderLoad() {
  const short = shortOfTime();
  byId("load").hidden = !short.length;
  if (!short.length) return;
  const slowed = short.flatMap((one) => one.cameras.filter((camera) => camera.reason === "load"));
  const named = slowed.map(
    ({ camera_id: id, fps }) => `${inLanguage(cameras.get(id)?.name ?? { zh: id, en: id })} ${fps}`,
  );
  const lost = Math.round(100 * Math.max(...short.map((one) => one.lost_share)));
  const said = lost > 0 ? t("console.load.detail", { lost }) : t("console.load.slowed");
  setText(byId("load-detail"), named.length ? `${said} ${t("console.load.cameras", { cameras: named.join(" · ") })}` : said);
}

function draw() {
  if (!told) return;
  // Until it is drawn to its end nobody knows what waits; what fails on the way must not be silent.
  let pattern = "lost";
  try {
    renderLoad();
    renderZones();
    renderCameras();
    const priority = renderAlarms();
    renderFocus();
    pattern = site.silent ? linkState : moreUrgent(priority, renderUnkept());
  } finally {
    sound(pattern);
  }
}

/** Of what must sound, the one that asks for more: an alarm before a fault of the service. */
function moreUrgent(priority, unkept) {
  if (priority === null || unkept === null) return priority ?? unkept;
  return unkept === "lost" ? priority : Math.min(priority, unkept);
}

function onEvent(kind, body) {
  if (kind === "snapshot") learnServerTime(body.server_time);
  take(kind, body);
  told = true;
  if (kind === "zone") {
    if (body.received_at !== null) passedServerTime(body.received_at);
    followZone(body);
  }
  changed();
}

function onLink(heard, silentSeconds, problem) {
  const state = heard === "live" && site.unkept !== null ? "unkept" : heard;
  const lost = state === "lost";
  byId("lost").hidden = !lost;
  showRefused(problem);
  if (lost) setText(byId("lost-detail"), t("console.lost.detail", { age: spanText(silentSeconds) }));
  if (state !== linkState) {
    linkState = state;
    byId("link").dataset.link = state;
    const shapes = { live: "live", lost: "lost", unkept: "lost", refused: "mute" };
    byId("link-shape").setAttribute("href", `#shape-${shapes[state] ?? "wait"}`);
    setText(byId("link-text"), t(`console.link.${state}`));
    site.silent = SILENT.includes(state);
    document.body.classList.toggle("is-lost", site.silent);
    if (site.silent && !told) sound(state);
    changed();
  }
}

function onKey(event) {
  // The name goes with the start of the shift, and that by the guard's own hand.
  if (event.target.closest(TYPED_INTO) && !event.target.closest("#shift")) noteTyping(event.target);
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest(OWN_KEYS)) return;
  // These press what has the focus; every other key is the desk's, whatever was clicked last.
  if (event.key === "Enter" && event.target.closest(PRESSED)) return;
  if (event.key.startsWith("Arrow") && event.target.closest(".history")) return;
  if (typesOn(byId("focus-refusal"))) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) {
    event.preventDefault();
    act();
  } else if (/^[1-9]$/.test(event.key)) {
    event.preventDefault();
    tickStep(Number(event.key));
  }
}

async function textsWithPatience() {
  for (;;) {
    try {
      await loadTexts();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_TEXTS_MS));
    }
  }
}

setUpPageState();
site.forPolice = document.body.dataset.view === "police";
await textsWithPatience();
onBeat(() => {
  const now = serverNow();
  setText(byId("clock-time"), clockText(now));
  setText(byId("clock-date"), dateText(now));
  renderEnding();
  changed();
});
setInterval(drawTrends, 5000);
document.addEventListener("keydown", onKey);
document.addEventListener("desk-changed", changed);
setUpCameras();
openLink({ onEvent, onState: onLink, onPage: comparePage, onKept: noteKept });
// Each by itself: a question that is not answered keeps no button from working.
await Promise.all([setUpShift(changed), setUpFocus(), loadPlan()]);
changed();
