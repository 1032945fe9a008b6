// The evidence of one alarm: film, density curve, people's acts, exports.

import "/console/js/once.js";
import { sending } from "/console/js/request.js";

const number = document.body.dataset.number;
const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const base = `/api/v1/alarms/${number}`;
const film = document.getElementById("film");
const canvas = document.getElementById("curve");
const why = document.getElementById("why");
const message = document.getElementById("message");
const say = (text) => { message.textContent = text; };
// Swedish writes times as the records do: "2026-11-23 14:05:09", the year first.
const format = new Intl.DateTimeFormat("sv-SE", {
  timeZone: document.body.dataset.timezone,
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
/** A moment in the site's time zone, whatever that of the browser is. */
const local = (text) => format.format(new Date(text));
/** Names of cameras, steps and states in the page's language; what has none is shown as it is. */
const words = JSON.parse(document.body.dataset.words);
const named = (kind, value) => words[kind][value] ?? value;
let evidence = null;
let filmStart = 0;

async function json(url, options) {
  const answer = await fetch(url, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.message[lang]} · ${body.mend[lang]}`);
  return body;
}

function show() {
  const cameras = why.elements.camera;
  const kept = cameras.value;
  cameras.replaceChildren(...evidence.cameras.flatMap((camera) =>
    camera.parts.map((part) => {
      const option = document.createElement("option");
      option.value = JSON.stringify([camera.id, part.film_start]);
      option.textContent = `${named("cameras", camera.id)} ${local(part.start)} – ${local(part.end)}`;
      return option;
    })));
  if ([...cameras.options].some((option) => option.value === kept)) cameras.value = kept;
  if (!cameras.length) say(document.body.dataset.nothing);
  document.getElementById("acts").replaceChildren(...evidence.alarm.history.map((step) => {
    const row = document.createElement("tr");
    for (const text of [local(step.at), named("actors", step.actor), named("actions", step.action), step.note || ""]) {
      row.insertCell().textContent = text;
    }
    return row;
  }));
  document.getElementById("origin").textContent = JSON.stringify(evidence.origin, null, 1);
  draw();
}

function span() {
  // Several where the clock was set while the alarm was open: that of the chosen film is shown.
  const spans = evidence.clip.spans.map(({ start, end }) => [Date.parse(start), Date.parse(end)]);
  if (!evidence.clip.end) spans.at(-1)[1] = Date.now();
  const [camera, begin] = JSON.parse(why.elements.camera.value || "[]");
  const part = evidence.cameras.find((one) => one.id === camera)?.parts
    .find((one) => one.film_start === begin);
  const at = part && Date.parse(part.start);
  return spans.find(([start, end]) => start <= at && at <= end) ?? spans[0];
}

function draw() {
  if (!evidence) return;
  const pen = canvas.getContext("2d");
  const [start, end] = span();
  const x = (ms) => ((ms - start) / Math.max(end - start, 1)) * canvas.width;
  const series = Object.values(evidence.density);
  const top = Math.max(4, ...series.flat().map((point) => point.density_per_m2 || 0)) * 1.1;
  const y = (density) => canvas.height - (density / top) * canvas.height;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.font = "12px sans-serif";
  pen.fillStyle = "#5a2d2d";
  for (const gap of evidence.cameras.flatMap((camera) => camera.gaps)) {
    pen.fillRect(x(Date.parse(gap.start)), 0, x(Date.parse(gap.end)) - x(Date.parse(gap.start)), 10);
  }
  pen.strokeStyle = "#3a444e";
  pen.fillStyle = "#9aa5b1";
  for (let density = 1; density < top; density += 1) {
    pen.beginPath(); pen.moveTo(0, y(density)); pen.lineTo(canvas.width, y(density)); pen.stroke();
    pen.fillText(`${density}/m²`, 2, y(density) - 2);
  }
  const dashes = [[], [6, 3], [2, 3]];
  series.forEach((points, index) => {
    pen.strokeStyle = ["#6cb6ff", "#f0b429", "#7ee787"][index % 3];
    pen.setLineDash(dashes[index % 3]);
    pen.beginPath();
    let down = false;
    for (const point of points) {
      // Nobody could measure: the line is broken there, it does not fall to zero.
      if (point.density_per_m2 === null) { down = false; continue; }
      const at = [x(point.at_ns / 1e6), y(point.density_per_m2)];
      if (down) pen.lineTo(...at); else pen.moveTo(...at);
      down = true;
    }
    pen.stroke();
  });
  pen.setLineDash([]);
  if (filmStart) {
    pen.strokeStyle = "#ffffff";
    const now = x(filmStart + film.currentTime * 1000);
    pen.beginPath(); pen.moveTo(now, 0); pen.lineTo(now, canvas.height); pen.stroke();
  }
}

canvas.addEventListener("click", (event) => {
  if (!filmStart) return;
  const [start, end] = span();
  const at = start + (event.offsetX / canvas.clientWidth) * (end - start);
  film.currentTime = Math.max(0, (at - filmStart) / 1000);
});
film.addEventListener("timeupdate", draw);
why.elements.camera.addEventListener("change", draw);

why.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = why.elements.camera.value;
  if (!chosen) return;
  const [camera, begin] = JSON.parse(chosen);
  try {
    // It may have grown since the page was opened.
    evidence = await json(`${base}/evidence`);
  } catch (error) {
    say(error.message);
    return;
  }
  show();
  const parts = evidence.cameras.find((one) => one.id === camera)?.parts ?? [];
  const part = parts.findIndex((one) => one.film_start === begin);
  if (part < 0) {
    say(document.body.dataset.nothing);
    return;
  }
  say("");
  const query = new URLSearchParams({
    camera, part, reason: why.elements.reason.value, note: why.elements.note.value,
  });
  // A film begins with the key picture before the clip's start.
  filmStart = Date.parse(parts[part].film_start);
  film.src = `${base}/clip?${query}`;
  film.play().catch(() => {});
});
/** Why there is no film: the service says so, or the browser cannot play what it sends. Many play no
 * H.265 and no MJPEG; that is no recording that is missing. */
async function refused() {
  const answer = await fetch(film.src, { headers: { range: "bytes=0-0" } });
  if (answer.ok) return document.body.dataset.unplayable;
  const { message: told, mend } = await answer.json();
  return `${told[lang]} · ${mend[lang]}`;
}

film.addEventListener("error", async () => say(await refused().catch(() => document.body.dataset.nothing)));

async function showExports() {
  const { exports } = await json(`${base}/exports`);
  document.getElementById("exports").replaceChildren(...exports.map((one) => {
    const item = document.createElement("li");
    item.textContent = `${one.id} ${named("states", one.state)} ${one.requested_by} ${local(one.requested_at)} ${one.detail} `;
    if (one.state === "ready") {
      const link = document.createElement("a");
      link.href = `/api/v1/exports/${one.id}/file`;
      link.textContent = `zip ${(one.file_bytes / 1e6).toFixed(1)} MB`;
      item.append(link);
    }
    return item;
  }));
}

document.getElementById("export")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = event.target.elements;
  const body = {
    reason: why.elements.reason.value, note: why.elements.note.value,
    case_no: fields.case_no.value, redacted: !fields.plain.checked,
  };
  try {
    await json(`${base}/exports`, sending(body));
    say(document.body.dataset.asked);
    await showExports();
  } catch (error) {
    say(`${document.body.dataset.refused} ${error.message}`);
  }
});

try {
  evidence = await json(`${base}/evidence`);
  show();
  await showExports();
} catch (error) {
  say(error.message);
}
