// The list of clips: the second person's word on exports that wait for it.

import { sending } from "/console/js/request.js";

const message = document.getElementById("message");
const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const texts = document.body.dataset;

async function decide(row, allow) {
  let words = texts.refused;
  try {
    const answer = await fetch(`/api/v1/exports/${row.dataset.export}/decision`, sending({ allow }));
    if (answer.ok) {
      row.remove();
      words = texts.done;
    } else {
      const told = await answer.json();
      words = `${told.message[lang]} · ${told.mend[lang]}`;
    }
  } catch {
    // The words for a service that does not answer stand already.
  }
  message.textContent = words;
}

for (const button of document.querySelectorAll("[data-decides]")) {
  button.addEventListener("click", () => {
    decide(button.closest("[data-export]"), button.dataset.decides === "yes");
  });
}
