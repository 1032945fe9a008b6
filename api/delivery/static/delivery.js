// The buttons of the delivery page: a test, or a refused message once more.

import { sending } from "/console/js/request.js";

const said = document.getElementById("said");
const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

async function post(address, body) {
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
  said.textContent = good ? document.body.dataset.queued : words;
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
