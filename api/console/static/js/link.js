// The event stream, and the certainty that it is alive.

import { learnServerTime } from "./time.js";

/** Without any sign of life for so long the server counts as lost; pings come every 5 s. */
const LOST_AFTER_MS = 12_000;
const RETRY_MS = 1_000;
const KINDS = ["snapshot", "zone", "camera", "alarm", "load"];

/**
 * Listen to the service. `onEvent(kind, body)` gets what it tells; `onState(state, silentSeconds)`
 * hears twice a second whether the link is "connecting", "live", "retrying" or "lost".
 */
export function openLink({ onEvent, onState }) {
  let source = null;
  let lastHeard = performance.now();
  let everHeard = false;
  let broken = false;

  function heard() {
    lastHeard = performance.now();
    everHeard = true;
    broken = false;
  }

  function connect() {
    source = new EventSource("/api/v1/events");
    source.addEventListener("ping", (event) => {
      learnServerTime(JSON.parse(event.data).server_time);
      heard();
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        heard();
        onEvent(kind, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      broken = true;
      // After some answers the browser gives up by itself; the desk never does.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
    });
  }

  function look() {
    const silentMs = performance.now() - lastHeard;
    let state = everHeard ? "live" : "connecting";
    if (broken) state = "retrying";
    if (silentMs > LOST_AFTER_MS) state = "lost";
    onState(state, silentMs / 1000);
  }

  connect();
  setInterval(look, 500);
  // A page that slept knows nothing of the time since: it looks at once.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
  });
  look();
}
