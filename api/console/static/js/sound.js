// Alarm sounds, made here so that nothing has to be loaded. Browsers allow them after a gesture.

/** Tones of one round: [start s, length s, hertz]; `everyMs` until the next round. */
const PATTERNS = {
  1: { everyMs: 1300, tones: [[0, 0.16, 988], [0.2, 0.16, 1319], [0.4, 0.16, 988], [0.6, 0.16, 1319]] },
  2: { everyMs: 2600, tones: [[0, 0.2, 880], [0.3, 0.2, 880], [0.6, 0.2, 1109]] },
  3: { everyMs: 6000, tones: [[0, 0.25, 660], [0.35, 0.25, 660]] },
  4: { everyMs: 12000, tones: [[0, 0.25, 587]] },
  refused: { everyMs: 8000, tones: [[0, 0.2, 523], [0.3, 0.2, 523], [0.6, 0.5, 392]] },
  lost: { everyMs: 3000, tones: [[0, 0.4, 440], [0.45, 0.4, 330]] },
};

let context = null;
let wanted = null;
let timer = null;
let onTurned = () => {};

/** `turned()` hears when sound becomes possible, and when the browser takes it away again. */
export function followSound(turned) {
  onTurned = turned;
}

/** Call inside a click or key handler; resolves to whether sound may play. */
export async function enableSound() {
  if (context === null) {
    context = new AudioContext();
    context.addEventListener("statechange", () => onTurned());
  }
  try {
    await context.resume();
  } catch {
    return false;
  }
  return soundReady();
}

/** Whether sound may play now. */
export const soundReady = () => context?.state === "running";

/** What sounds now, for whoever wants to know: a pattern's name or null. */
export const sounding = () => wanted;

/** Let a pattern (priority 1 to 4, "refused" or "lost") sound until told otherwise; null for silence. */
export function sound(pattern) {
  if (pattern === wanted) return;
  wanted = pattern;
  document.body.dataset.sounding = pattern ?? "none";
  clearTimeout(timer);
  if (pattern !== null) round();
}

/** One round of a pattern, to hear that sound works. */
export const soundOnce = (pattern) => play(PATTERNS[pattern].tones);

function round() {
  if (wanted === null) return;
  const { everyMs, tones } = PATTERNS[wanted];
  play(tones);
  timer = setTimeout(round, everyMs);
}

function play(tones) {
  if (!soundReady()) return;
  for (const [start, length, hertz] of tones) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const from = context.currentTime + start;
    tone.type = "triangle";
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, from);
    volume.gain.exponentialRampToValueAtTime(0.7, from + 0.02);
    volume.gain.setValueAtTime(0.7, from + length - 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, from + length);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(from + length + 0.02);
  }
}
