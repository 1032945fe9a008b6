// The settings pages of delivery: what is entered goes to the service, which alone judges it.

import "/console/js/once.js";
import { sending } from "/console/js/request.js";

const said = document.getElementById("said");
const texts = document.body.dataset;
const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const TRY_MS = 40_000;
const USUAL_MS = 10_000;

function say(words, good) {
  said.hidden = false;
  said.className = good === undefined ? "note" : good ? "good" : "bad";
  said.textContent = words;
  said.scrollIntoView({ block: "nearest" });
}

/** What a form's inputs hold: settings by key, and the secrets that are new or taken away. */
function entered(root) {
  const settings = {};
  const secrets = {};
  for (const input of root.querySelectorAll("[name][data-kind]")) {
    const { kind } = input.dataset;
    const value = input.value.trim();
    if (kind === "yes") settings[input.name] = input.checked;
    else if (kind === "secret") {
      if (value) secrets[input.name] = value;
    } else if (!value) continue;
    else if (kind === "text") settings[input.name] = value;
    // What is no number is sent as it is: the service says what is wrong with it.
    else settings[input.name] = Number.isFinite(Number(value)) ? Number(value) : value;
  }
  for (const box of root.querySelectorAll("[data-clears]:checked")) secrets[box.dataset.clears] = "";
  return { settings, secrets };
}

function unmark() {
  for (const place of document.querySelectorAll("[data-wrong]")) place.hidden = true;
  for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Show a refusal at the field that it names, and above. */
function mark(problem) {
  const words = problem?.message ? `${problem.message[lang]} · ${problem.mend[lang]}` : texts.refused;
  say(words, false);
  const key = String(problem?.detail ?? "").split(".").pop();
  const place = key && document.querySelector(`[data-wrong="${CSS.escape(key)}"]`);
  if (!place) return;
  place.textContent = problem.message[lang];
  place.hidden = false;
  const input = document.querySelector(`[name="${CSS.escape(key)}"]`);
  input?.setAttribute("aria-invalid", "true");
  input?.focus();
}

async function post(path, body, waitMs = USUAL_MS) {
  unmark();
  try {
    const request = { ...sending(body), signal: AbortSignal.timeout(waitMs) };
    const answer = await fetch(path, request);
    const told = await answer.json();
    if (answer.ok) return told;
    mark(told);
  } catch {
    say(texts.refused, false);
  }
  return null;
}

function done() {
  say(texts.saved, true);
  setTimeout(() => location.assign("/delivery"), 700);
}

for (const select of document.querySelectorAll("[data-chooses]")) {
  select.addEventListener("change", () => select.form.submit());
}

const pathForm = document.getElementById("path");
if (pathForm) {
  const { target, driver, revision } = pathForm.dataset;
  const address = () => {
    const id = pathForm.dataset.path || pathForm.querySelector("[data-id]").value.trim();
    return `/api/v1/delivery/targets/${encodeURIComponent(target)}/paths/${encodeURIComponent(id)}`;
  };
  const body = () => ({ revision, driver, ...entered(pathForm) });
  pathForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await post(`${address()}/settings`, body())) done();
  });
  document.getElementById("try").addEventListener("click", async (event) => {
    if (!pathForm.reportValidity()) return;
    event.target.disabled = true;
    say(texts.trying);
    const found = await post(`${address()}/try`, body(), TRY_MS);
    event.target.disabled = false;
    if (!found) return;
    const outcome = found.received ? texts.received : found.sent ? texts.sent : texts.failed;
    say(`${outcome}（${found.took_s} s）${found.detail}`, found.received || found.sent);
  });
  document.getElementById("remove")?.addEventListener("click", async (event) => {
    if (!confirm(event.target.dataset.sure)) return;
    if (await post(`${address()}/remove`, { revision })) done();
  });
}

const targetForm = document.getElementById("target");
if (targetForm) {
  const { revision, driver } = targetForm.dataset;
  const address = () => {
    const id = targetForm.dataset.target || targetForm.querySelector("[data-id]").value.trim();
    return `/api/v1/delivery/targets/${encodeURIComponent(id)}`;
  };
  targetForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    const first = document.getElementById("first");
    const own = entered(targetForm).settings;
    const body = { revision, name: {} };
    for (const input of targetForm.querySelectorAll("[data-name]")) {
      body.name[input.dataset.name] = input.value.trim();
    }
    if (first) {
      const path = entered(first);
      for (const key of Object.keys(path.settings)) delete own[key];
      body.first_path = { id: document.getElementById("path-id").value.trim(), driver, ...path };
    }
    if (await post(`${address()}/settings`, { ...body, ...own })) done();
  });
  document.getElementById("remove")?.addEventListener("click", async (event) => {
    if (!confirm(event.target.dataset.sure)) return;
    const waiting = Number(targetForm.dataset.waiting);
    if (await post(`${address()}/remove`, { revision, waiting })) done();
  });
}
