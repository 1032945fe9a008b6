// Forms as JSON. A form that cannot be sent waits in the outbox and is sent when the network is
// back; photographs go after the record that they belong to.

import * as outbox from "./outbox.js";
import { base64Of, post, words } from "./post.js";

const page = document.body.dataset;
const SEND_AGAIN_MS = 15_000;
// A download that was asked for leaves the page as it is; the list below it is drawn anew.
const OPENED_MS = 1_500;
const MOST_PHOTO_BYTES = 5 * 1024 * 1024;

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "web-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function showWaiting() {
  const line = document.getElementById("outbox");
  const waiting = await outbox.count(page.viewer);
  line.hidden = waiting === 0;
  line.textContent = waiting ? `${page.queued} (${waiting})` : "";
  document.body.dataset.waiting = String(waiting);
}

function valueOf(element) {
  if (element.type === "checkbox") return element.checked;
  if ("number" in element.dataset) return Number(element.value);
  return element.value;
}

// `details.people` is the key `people` inside the key `details`; empty optional fields are left out.
function bodyOf(form) {
  const body = {};
  for (const element of form.elements) {
    if (!element.name || element.type === "file" || element.disabled) continue;
    if (element.value === "" && !element.required) continue;
    const [outer, inner] = element.name.split(".");
    if (inner) (body[outer] ??= {})[inner] = valueOf(element);
    else body[outer] = valueOf(element);
  }
  if (body.at_local) {
    body[form.dataset.instant] = instantOf(body.at_local, form.dataset.zone);
    delete body.at_local;
  }
  if (body.references !== undefined) {
    body.references = body.references.split(/[\s,，、]+/).filter(Boolean);
  }
  if ("key" in form.dataset) {
    form.dataset.key ||= newKey();
    body.client_key = form.dataset.key;
  }
  return body;
}

async function photosOf(form) {
  const photos = [];
  for (const file of form.querySelector("input[type=file]")?.files ?? []) {
    if (file.size > MOST_PHOTO_BYTES) throw new RangeError(`${file.name} > 5 MiB`);
    const content_base64 = await base64Of(file);
    photos.push({ name: file.name, media_type: file.type, content_base64 });
  }
  return photos;
}

async function sendPhotos(entry, answer) {
  const { id } = entry.photos.length ? await answer.clone().json() : {};
  for (const photo of entry.photos) {
    const body = { ...photo, subject: `${entry.photosOf}:${id}` };
    const stored = await post(entry.photosTo, body);
    if (!stored.ok) return stored;
  }
  return null;
}

// Sends one form with its photographs. Sent again after a broken line, nothing is stored twice:
// the form has its key, a photograph its digest.
async function deliver(entry) {
  const answer = await post(entry.path, entry.body);
  if (!answer.ok) return answer;
  return (await sendPhotos(entry, answer)) ?? answer;
}

async function send(form) {
  const output = form.querySelector("output");
  const button = form.querySelector("button");
  button.disabled = true;
  const entry = { path: form.dataset.post, body: bodyOf(form), page: location.pathname, by: page.viewer };
  try {
    entry.photos = [...(kept.get(form)?.entry.photos ?? []), ...(await photosOf(form))];
    entry.photosOf = form.dataset.photosOf ?? "";
    entry.photosTo = form.dataset.photosTo ?? "";
    const answer = await deliver(entry);
    if (!answer.ok) {
      output.textContent = await words(answer);
      return;
    }
    if ("key" in form.dataset) form.dataset.key = "";
    await settled(form);
    output.textContent = await toldOf(answer);
    await shown(form, answer);
  } catch (error) {
    if (error instanceof RangeError) {
      output.textContent = error.message;
      return;
    }
    await wait(form, entry, output);
  } finally {
    button.disabled = false;
  }
}

// What was taken and counts for no duty must not read as one that is done.
async function toldOf(answer) {
  const body = await answer.clone().json().catch(() => null);
  const nowhere = body?.counted?.length === 0 && !["draft", "withdrawn"].includes(body.state);
  return nowhere ? page.uncounted : page.sent;
}

async function shown(form, answer) {
  if (form.dataset.open) {
    const { id } = await answer.json();
    location.assign(form.dataset.open.replace("{id}", id));
    setTimeout(() => location.reload(), OPENED_MS);
    return;
  }
  if (form.dataset.then === "reload") location.reload();
  if (form.dataset.then?.startsWith("/")) location.assign(form.dataset.then);
  if (form.dataset.show) {
    const value = (await answer.json())[form.dataset.show];
    // A path is shown as the whole address, to be copied into another program.
    output(form).textContent = value.startsWith("/") ? location.origin + value : value;
  }
}

function output(form) {
  return form.querySelector("output");
}

async function wait(form, entry, line) {
  // Only forms with a key may wait: a step on something that others change must be seen first.
  if (!entry.body.client_key) {
    line.textContent = page.broken;
    return;
  }
  try {
    await outbox.put(entry);
  } catch {
    // Full, or no room on the phone: what was typed stays in the form.
    line.textContent = page.broken;
    return;
  }
  await settled(form);
  form.dataset.key = "";
  form.reset();
  line.textContent = page.queued;
  await showWaiting();
}

// What the service refused stays until a person has mended it or thrown it away.
async function showRefused() {
  const list = document.getElementById("refused");
  const all = await outbox.refused(page.viewer);
  list.hidden = all.length === 0;
  list.replaceChildren(
    ...all.map(({ key, entry }) => {
      const line = document.createElement("li");
      const again = document.createElement("a");
      again.href = `${entry.page}?again=${key}`;
      again.textContent = page.again;
      const away = document.createElement("button");
      away.type = "button";
      away.textContent = page.discard;
      away.addEventListener("click", async () => {
        if (confirm(`${page.discard}？ ${entry.body.title ?? ""}`)) await outbox.discard(key);
        await showRefused();
      });
      line.append(`${page.refused} ${entry.body.title ?? ""} ${entry.reason} `, again, " ", away);
      return line;
    }),
  );
}

// Refused entries by the form that shows them again.
const kept = new Map();

// The address `?again=7` shows the refused form 7 as it was filled in; its photographs go with it.
async function showAgain() {
  const wanted = Number(new URLSearchParams(location.search).get("again"));
  const found = (await outbox.refused(page.viewer)).find((one) => one.key === wanted);
  const forms = [...document.querySelectorAll("form[data-key]")];
  const form = forms.find((one) => one.dataset.post === found?.entry.path);
  if (!form) return;
  kept.set(form, found);
  const { body } = found.entry;
  form.dataset.key = body.client_key;
  for (const element of form.elements) {
    const [outer, inner] = (element.name ?? "").split(".");
    let value = inner ? body[outer]?.[inner] : body[outer];
    if (outer === "at_local") value = localTime(body[form.dataset.instant], form.dataset.zone);
    if (value === undefined || element.type === "file") continue;
    if (element.type === "checkbox") element.checked = value;
    else element.value = Array.isArray(value) ? value.join(" ") : value;
    element.dispatchEvent(new Event("change", { bubbles: true }));
  }
  output(form).textContent = found.entry.reason;
}

// What a clock in `zone` shows at this instant, as the field writes it: pages show times of the plan's
// zone, and the clock of this machine may be set to another.
function localTime(instant, zone) {
  if (!instant) return undefined;
  const form = { timeZone: zone, dateStyle: "short", timeStyle: "short" };
  return new Intl.DateTimeFormat("sv-SE", form).format(new Date(instant)).replace(" ", "T");
}

// The instant at which a clock in `zone` shows `wall`.
function instantOf(wall, zone) {
  const asUtc = Date.parse(`${wall}Z`);
  const aheadMs = Date.parse(`${localTime(asUtc, zone)}Z`) - asUtc;
  return new Date(asUtc - aheadMs).toISOString();
}

// Sent, or waiting anew: the refused form is no longer needed.
async function settled(form) {
  const found = kept.get(form);
  if (!found) return;
  kept.delete(form);
  await outbox.discard(found.key);
  await showRefused();
}

let flushing = false;

async function flush() {
  if (flushing) return;
  flushing = true;
  try {
    for (let next = await outbox.first(page.viewer); next; next = await outbox.first(page.viewer)) {
      const answer = await deliver(next.entry);
      // The service is not well, or nobody is signed in: the form stays until it is.
      if (answer.status >= 500 || answer.status === 401 || answer.status === 429) break;
      if (answer.ok) await outbox.remove(next.key);
      else await outbox.refuse(next.key, { ...next.entry, reason: await words(answer) });
    }
  } catch {
    // Still no network: the next attempt comes with the browser's online event or the timer.
  } finally {
    flushing = false;
    await showWaiting();
    await showRefused();
  }
}

// The second click of a double click would send a form again that has just been taken, as a new one.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("button")) event.preventDefault();
});
document.addEventListener("submit", (event) => {
  if (!event.target.dataset.post) return;
  event.preventDefault();
  send(event.target);
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("select[data-shows]")) return;
  for (const part of event.target.form.querySelectorAll("[data-when]")) {
    part.hidden = part.dataset.when !== event.target.value;
    for (const field of part.querySelectorAll("select, input")) field.disabled = part.hidden;
  }
});
addEventListener("online", flush);
setInterval(flush, SEND_AGAIN_MS);
// `#fire` at the end of a form's address chooses its type; the title follows until it is typed.
function preset(form) {
  const [types, title] = [form.elements.kind_type, form.elements.title];
  const wanted = location.hash.slice(1);
  if (types && [...types.options].some((one) => one.value === wanted)) types.value = wanted;
  let given = "";
  const follow = () => {
    if (title.value !== given) return;
    given = types?.selectedOptions[0]?.textContent ?? form.dataset.name;
    title.value = given;
  };
  types?.addEventListener("change", follow);
  form.addEventListener("reset", () => setTimeout(follow));
  follow();
}

for (const form of document.querySelectorAll("form.record[data-name]")) preset(form);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/plan/worker.js").catch(() => {});
showAgain().then(showWaiting).then(flush);
