// Who is on duty in this browser. The same gesture that starts a shift enables sound.

import { byId, setText } from "./dom.js";
import { get, post, refusalText } from "./service.js";
import { enableSound, followSound, soundOnce, soundReady } from "./sound.js";
import { t } from "./texts.js";

/** Windows of this browser share the shift: what one of them starts or ends, all of them show. */
const windows = new BroadcastChannel("xiaoan-shift");
const AGAIN_MS = 3000;

// {name} of the shift that runs; another shift of the same person is another one.
let shift = null;
let changed = () => {};

/** Name of the person on duty, or null. */
export const onDuty = () => shift?.name ?? null;

/** The shift that runs, or null: what is asked for in one shift may be answered in the next. */
export const currentShift = () => shift;

/** Show the shift's state and follow its buttons; `onChange` hears of every start and end. */
export async function setUpShift(onChange) {
  changed = onChange;
  followSound(show);
  byId("shift").addEventListener("submit", async (event) => {
    event.preventDefault();
    const audible = enableSound();
    if (shift === null && !(await start(byId("shift-name").value.trim()))) return;
    if (await audible) soundOnce(4);
    show();
    onChange();
  });
  byId("shift-end").addEventListener("click", async () => {
    await post("/api/v1/shift/end", {});
    shift = null;
    windows.postMessage("changed");
    show();
    onChange();
    byId("shift-name").focus();
  });
  byId("sound-test").addEventListener("click", async () => {
    if (await enableSound()) soundOnce(1);
    show();
  });
  windows.addEventListener("message", read);
  show();
  await read();
}

/** Ask the service who is on duty in this browser; no answer says nothing, and it is asked again. */
async function read() {
  const told = await get("/api/v1/shift");
  if (told === null) {
    setTimeout(read, AGAIN_MS);
    return;
  }
  const name = told.name;
  if (name !== onDuty() || name === null) shift = name === null ? null : { name };
  show();
  changed();
}

/** The service no longer knows who is on duty in that shift: nothing may stand under the old name. */
export function shiftIsOver(over) {
  if (shift === null || shift !== over) return;
  shift = null;
  show();
  setText(byId("shift-error"), t("console.shift.over"));
  changed();
}

/** Ask for a name, because something needs one. */
export function askForName() {
  show();
  setText(byId("shift-error"), t("console.shift.name_needed"));
  byId("shift-name").focus();
}

async function start(typed) {
  if (typed === "") {
    askForName();
    return false;
  }
  const { ok, body } = await post("/api/v1/shift", { name: typed });
  if (!ok) {
    setText(byId("shift-error"), refusalText(body));
    return false;
  }
  shift = { name: body.name };
  windows.postMessage("changed");
  // The next person finds the field empty.
  byId("shift-name").value = "";
  return true;
}

function show() {
  const name = onDuty();
  const silent = !soundReady();
  byId("shift").hidden = name !== null && !silent;
  byId("on-duty").hidden = name === null;
  byId("shift-name").hidden = name !== null;
  setText(byId("duty-name"), name ?? "");
  setText(byId("shift-error"), "");
  setText(
    byId("shift-prompt"),
    name === null ? t("console.shift.prompt") : t("console.sound.off", { name }),
  );
  setText(
    byId("shift-start"),
    name === null ? t("console.shift.start") : t("console.sound.enable"),
  );
}
