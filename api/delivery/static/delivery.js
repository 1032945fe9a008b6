// The buttons of the delivery page: a test, and what becomes of messages that did not arrive.

import "/console/js/once.js";
import { sending } from "/console/js/request.js";

const said = document.getElementById("said");
const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

async function post(address, body, done = document.body.dataset.queued) {
  let words = document.body.dataset.refused;
  let good = false;
  try {
    const answer = await fetch(address, sending(body));
    good = answer.ok;
    const told = await answer.json();
    if (told?.message) words = `${told.message[lang]} · ${told.mend[lang]}`;
  } catch {
    good = false;
  }
  said.hidden = false;
  said.className = good ? "good" : "bad";
  said.textContent = good ? done : words;
}

for (const button of document.querySelectorAll("button[data-test]")) {
  button.addEventListener("click", () => {
    const target = encodeURIComponent(button.dataset.test);
    post(`/api/v1/delivery/targets/${target}/test`, { path: button.dataset.path ?? null });
  });
}

for (const button of document.querySelectorAll("button[data-requeue]")) {
  button.addEventListener("click", () => {
    post(`/api/v1/delivery/messages/${Number(button.dataset.requeue)}/requeue`, {});
  });
}

for (const button of document.querySelectorAll("button[data-noted]")) {
  button.addEventListener("click", () => {
    const target = encodeURIComponent(button.dataset.noted);
    const seen = { count: Number(button.dataset.count) };
    post(`/api/v1/delivery/targets/${target}/noted`, seen, document.body.dataset.done);
  });
}

for (const button of document.querySelectorAll("button[data-stranded]")) {
  button.addEventListener("click", () => {
    const { stranded, count, to, sure } = button.dataset;
    if (sure && !window.confirm(sure)) return;
    const address = `/api/v1/delivery/stranded/${encodeURIComponent(stranded)}`;
    const seen = { count: Number(count) };
    if (to) post(`${address}/send-to`, { ...seen, to });
    else post(`${address}/give-up`, seen, document.body.dataset.done);
  });
}
