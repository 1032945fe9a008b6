// An event stream of the service that is never given up, and the certainty that it is alive.

import { onBeat } from "./beat.js";

/** Without any sign of life for so long the server counts as lost; pings come every 5 s. */
export const LOST_AFTER_MS = 12_000;
const RETRY_MS = 1_000;
/** Whoever signs in anew, here or in another window, is heard of within this time. */
const REFUSED_RETRY_MS = 5_000;
const REFUSED = [401, 403];

/** Why the service refuses this stream, as its answer says it; null where it does not. */
async function whyRefused(path) {
  const quit = new AbortController();
  const late = setTimeout(() => quit.abort(), LOST_AFTER_MS);
  try {
    const answer = await fetch(path, { signal: quit.signal });
    return REFUSED.includes(answer.status) ? await answer.json() : null;
  } catch {
    return null;
  } finally {
    clearTimeout(late);
    quit.abort();
  }
}

/**
 * Listen at `path`. `events` maps names of events to what is done with their body; each of them,
 * a `ping` too, is a sign of life, and then `onHeard()` is called. `onOpened()` hears of each new
 * connection, `onBroken()` that the browser lost it, and `onRefused(problem)` of the
 * service's refusal, or null when there is none any more. Returns `silentMs()`.
 *
 * A pulled cable ends no connection: the old one may stay open and silent after the cable is back.
 * So a stream that has been silent for too long is closed and opened anew, again and again.
 */
export function listen(path, events, { onHeard, onOpened = () => {}, onBroken = () => {}, onRefused = () => {} }) {
  let source = null;
  let retry = null;
  let heardAt = performance.now();
  let openedAt = 0;

  function connect() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource(path);
    openedAt = performance.now();
    const mine = source;
    for (const [name, take] of Object.entries({ ping: () => {}, ...events })) {
      source.addEventListener(name, (event) => {
        heardAt = performance.now();
        take(JSON.parse(event.data));
        onHeard();
      });
    }
    source.addEventListener("open", onOpened);
    source.addEventListener("error", async () => {
      if (mine !== source) return;
      onBroken();
      const gaveUp = source.readyState === EventSource.CLOSED;
      const problem = gaveUp ? await whyRefused(path) : null;
      if (mine !== source) return;
      onRefused(problem);
      // After some answers the browser gives up by itself; a page of ours never does.
      if (gaveUp) retry = setTimeout(connect, problem === null ? RETRY_MS : REFUSED_RETRY_MS);
    });
  }

  const silentMs = () => performance.now() - heardAt;
  onBeat(() => {
    const waitedMs = performance.now() - openedAt;
    if (silentMs() > LOST_AFTER_MS && waitedMs > LOST_AFTER_MS) connect();
  });
  connect();
  return silentMs;
}
