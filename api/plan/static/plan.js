// Forms as JSON. A form that cannot be sent is kept in this browser and sent when the network is
// back; its key stays the same, so that the service stores it once however often it arrives.

const OUTBOX = "xiaoan-plan-outbox";
const page = document.body.dataset;

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "web-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function outbox() {
  try {
    return JSON.parse(localStorage.getItem(OUTBOX) ?? "[]");
  } catch {
    return [];
  }
}

function keep(entries) {
  localStorage.setItem(OUTBOX, JSON.stringify(entries));
  const line = document.getElementById("outbox");
  line.hidden = entries.length === 0;
  line.textContent = entries.length ? `${page.queued} (${entries.length})` : "";
}

function bodyOf(form) {
  const body = {};
  for (const element of form.elements) {
    if (!element.name) continue;
    body[element.name] = "number" in element.dataset ? Number(element.value) : element.value;
  }
  if (body.kind_and_type) {
    [body.kind, body.kind_type = ""] = body.kind_and_type.split(":");
    delete body.kind_and_type;
  }
  if ("key" in form.dataset) {
    form.dataset.key ||= newKey();
    body.client_key = form.dataset.key;
  }
  return body;
}

function post(path, body) {
  const headers = { "content-type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function words(answer) {
  const body = await answer.json().catch(() => null);
  if (!body?.message) return String(answer.status);
  const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  return `${body.message[lang]} — ${body.mend[lang]}`;
}

async function send(form) {
  const output = form.querySelector("output");
  const button = form.querySelector("button");
  const body = bodyOf(form);
  button.disabled = true;
  try {
    const answer = await post(form.dataset.post, body);
    if (!answer.ok) {
      output.textContent = await words(answer);
      return;
    }
    form.dataset.key = "";
    output.textContent = page.sent;
    if (form.dataset.then === "reload") location.reload();
  } catch {
    // Only forms with a key may wait: a step on something that others change must be seen first.
    if (body.client_key) {
      keep([...outbox(), { path: form.dataset.post, body }]);
      form.dataset.key = "";
      form.reset();
    }
    output.textContent = page.queued;
  } finally {
    button.disabled = false;
  }
}

let flushing = false;

async function flush() {
  if (flushing) return;
  flushing = true;
  try {
    for (let entries = outbox(); entries.length; entries = outbox()) {
      const answer = await post(entries[0].path, entries[0].body);
      if (answer.status >= 500 || answer.status === 401) break;
      keep(outbox().slice(1));
    }
  } catch {
    // Still no network: the next attempt comes with the browser's online event or the timer.
  } finally {
    flushing = false;
    keep(outbox());
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.post) return;
  event.preventDefault();
  send(event.target);
});
addEventListener("online", flush);
setInterval(flush, 30_000);
keep(outbox());
flush();
