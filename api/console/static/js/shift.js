// Who is on duty in this browser. The same gesture that starts a shift enables sound.

import { byId, setText } from "./dom.js";
import { get, post, refusalText } from "./service.js";
import { enableSound, soundOnce, soundReady } from "./sound.js";
import { t } from "./texts.js";

let name = null;

/** Name of the person on duty, or null. */
export const onDuty = () => name;

/** Show the shift's state and follow its buttons; `onChange` hears of every start and end. */
export async function setUpShift(onChange) {
  byId("shift").addEventListener("submit", async (event) => {
    event.preventDefault();
    const audible = enableSound();
    if (name === null && !(await start(byId("shift-name").value.trim()))) return;
    if (await audible) soundOnce(4);
    show();
    onChange();
  });
  byId("shift-end").addEventListener("click", async () => {
    await post("/api/v1/shift/end", {});
    name = null;
    show();
    onChange();
    byId("shift-name").focus();
  });
  byId("sound-test").addEventListener("click", async () => {
    if (await enableSound()) soundOnce(1);
    show();
  });
  name = (await get("/api/v1/shift"))?.name ?? null;
  show();
  onChange();
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
  name = body.name;
  return true;
}

function show() {
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
