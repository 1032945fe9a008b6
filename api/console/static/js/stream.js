// An event stream of the service that is never given up, and the certainty that it is alive.

/** Without any sign of life for so long the server counts as lost; pings come every 5 s. */
export const LOST_AFTER_MS = 12_000;
const RETRY_MS = 1_000;

/**
 * Listen at `path`. `events` maps names of events to what is done with their body; each of them,
 * a `ping` too, is a sign of life, and then `onHeard()` is called. `onBroken()` hears that the
 * browser lost the connection. Returns `silentMs()`.
 *
 * A pulled cable ends no connection: the old one may stay open and silent after the cable is back.
 * So a stream that has been silent for too long is closed and opened anew, again and again.
 */
export function listen(path, events, { onHeard, onBroken = () => {} }) {
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
    source.addEventListener("error", () => {
      if (mine !== source) return;
      onBroken();
      // After some answers the browser gives up by itself; a page of ours never does.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, RETRY_MS);
    });
  }

  const silentMs = () => performance.now() - heardAt;
  setInterval(() => {
    const waitedMs = performance.now() - openedAt;
    if (silentMs() > LOST_AFTER_MS && waitedMs > LOST_AFTER_MS) connect();
  }, 500);
  connect();
  return silentMs;
}
