// The desk's event stream, and what the guard is told of it.

import { onBeat } from "./beat.js";
import { LOST_AFTER_MS, listen } from "./stream.js";
import { learnServerTime, meetServerTime } from "./time.js";

const KINDS = ["snapshot", "zone", "camera", "alarm", "load", "store"];

/**
 * Listen to the service. `onEvent(kind, body)` gets what it tells; `onState(state, silentSeconds)`
 * hears twice a second whether the link is "connecting", "live", "retrying", "lost" or "refused"; with
 * the last it hears why. `onPage(build)` hears which build of the page the service would hand out, and
 * `onKept(ping)` with the same ping whether the database stores.
 */
export function openLink({ onEvent, onState, onPage, onKept }) {
  let everHeard = false;
  let broken = false;
  let anew = true;
  let problem = null;
  const events = Object.fromEntries(KINDS.map((kind) => [kind, (body) => onEvent(kind, body)]));
  events.ping = (body) => {
    (anew ? meetServerTime : learnServerTime)(body.server_time);
    anew = false;
    onKept(body);
    onPage(body.page);
  };
  const silentMs = listen("/api/v1/events", events, {
    onHeard: () => {
      everHeard = true;
      broken = false;
      problem = null;
    },
    onOpened: () => {
      anew = true;
    },
    onBroken: () => {
      broken = true;
    },
    onRefused: (told) => {
      problem = told;
      look();
    },
  });

  function look() {
    let state = everHeard ? "live" : "connecting";
    if (broken) state = "retrying";
    if (silentMs() > LOST_AFTER_MS) state = "lost";
    // The service is there and says why it tells nothing: that is no lost server.
    if (problem !== null) state = "refused";
    onState(state, silentMs() / 1000, problem);
  }

  onBeat(look);
  // A page that slept knows nothing of the time since: it looks at once.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
  });
  look();
}
