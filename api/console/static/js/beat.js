// A beat twice a second that goes on while nobody looks at the page. Browsers slow the timers of a
// hidden page down to one a minute, but not those of a worker: a pulled cable is told in time.

const EVERY_MS = 500;

const beats = new EventTarget();
const tell = () => beats.dispatchEvent(new Event("beat"));

/** Without a worker the page's own timer must do. */
const fallBack = () => setInterval(tell, EVERY_MS);

try {
  const worker = new Worker("/console/js/beat_worker.js");
  worker.addEventListener("message", tell);
  worker.addEventListener("error", fallBack, { once: true });
} catch {
  fallBack();
}

/** Call `call` twice a second, whether the page is shown or not. */
export const onBeat = (call) => beats.addEventListener("beat", () => call());
