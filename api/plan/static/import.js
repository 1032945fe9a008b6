// The preview of next year's table: the file goes up as it is, each row comes back explained.
// Rows that continue no known measure, and duties whose words are gone, wait for a choice.

import { base64Of, post, words } from "./post.js";

const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const form = document.getElementById("import");
const output = form.querySelector("output");
const choices = document.getElementById("choices");
const API = "/api/v1/plan/imports";

function chosen(kind) {
  const found = {};
  for (const field of choices.querySelectorAll(`[data-${kind}]`)) {
    if (field.value) found[field.dataset[kind]] = field.value;
  }
  return found;
}

function offer(template, words, key, name) {
  const part = document.getElementById(template).content.cloneNode(true);
  part.querySelector("span").textContent = words;
  const field = part.querySelector("select, input");
  field.dataset[key] = name;
  choices.append(part);
  return field;
}

// Duties are offered for what a person chose before too, so that a choice can be taken back.
function offerChoices(answer, measures, quotes) {
  choices.replaceChildren();
  for (const one of answer.measures) {
    if (one.match === "same" && !(one.row in measures)) continue;
    offer("choice", one.words[lang], "row", one.row).value = measures[one.row] ?? "";
  }
  for (const [duty, words] of Object.entries(quotes)) offer("quote", duty, "duty", duty).value = words;
  for (const duty of new Set(answer.measures.flatMap((one) => one.lost_duties))) {
    if (!(duty in quotes)) offer("quote", duty, "duty", duty);
  }
  document.getElementById("mapping").hidden = choices.childElementCount === 0;
}

function show(answer) {
  const rows = document.getElementById("rows");
  rows.replaceChildren(
    ...answer.lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line[lang];
      return item;
    }),
  );
  rows.hidden = false;
  const fetchLine = document.getElementById("fetch");
  fetchLine.hidden = !answer.file_yaml;
  const link = fetchLine.querySelector("a");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([answer.file_yaml], { type: "application/yaml" }));
  link.download = answer.file_name;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = form.elements.table.files[0];
  const measures = chosen("row");
  const quotes = chosen("duty");
  const body = {
    name: file.name,
    year: Number(form.elements.year.value),
    content_base64: await base64Of(file),
    measures,
    quotes,
  };
  try {
    const answer = await post(API, body);
    if (!answer.ok) {
      output.textContent = await words(answer);
      return;
    }
    const told = await answer.json();
    output.textContent = "";
    show(told);
    offerChoices(told, measures, quotes);
  } catch {
    output.textContent = document.body.dataset.broken;
  }
});
