// The bureau's school year: the notice is read into lines that a person looks through, a preview
// says what moves, and only then is it entered.

import { post, words as told } from "./post.js";

const form = document.getElementById("year");
const output = form.querySelector("output");
const words = JSON.parse(form.dataset.words);
const units = JSON.parse(form.dataset.units);
const rules = JSON.parse(form.dataset.rules);
const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const ADDRESS = `/api/v1/plan/calendars/${form.dataset.year}`;
const QUERY = `?calendar=${encodeURIComponent(form.dataset.calendar)}`;
const DAY_MS = 86_400_000;
const LINE = /^(\d{4}-\d\d-\d\d)(?:\s*(?:至|到|~|—|–|to)\s*(\d{4}-\d\d-\d\d))?(?:\s+(\S.*))?$/;

const field = (id) => document.getElementById(id);

async function ask(path, body) {
  const answer = body ? await post(path, body) : await fetch(path);
  if (answer.ok) return answer.json();
  throw new RangeError(await told(answer));
}

const next = (day) => new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);

// Days that follow one another under one name are one line.
function linesOf(holidays) {
  const spans = [];
  for (const { day, name } of holidays) {
    const last = spans.at(-1);
    if (last && last.name === name && next(last.last) === day) last.last = day;
    else spans.push({ first: day, last: day, name });
  }
  return spans.map(({ first, last, name }) => (first === last ? first : `${first} 至 ${last}`) + ` ${name}`).join("\n");
}

function spansOf(id, named) {
  const days = [];
  const lines = named ? field(id).value.split("\n") : field(id).value.split(/[\n,，、;；]+/);
  for (const line of lines.map((one) => one.trim()).filter(Boolean)) {
    const found = LINE.exec(line);
    // A span that ends before it begins names no day, and would be left out without a word.
    if (!found || (named && !found[3]) || (found[2] ?? found[1]) < found[1]) throw new RangeError(`${words.line} ${line}`);
    for (let day = found[1]; day <= (found[2] ?? found[1]); day = next(day)) {
      days.push(named ? { day, name: found[3] } : day);
    }
  }
  return days;
}

function entered() {
  const terms = [...form.querySelectorAll("[data-term]")].map((one) => ({
    name: one.dataset.term,
    start: one.querySelector("[name=start]").value,
    end: one.querySelector("[name=end]").value,
  }));
  return {
    holidays: spansOf("holidays", true),
    make_up_days: spansOf("make_up_days", false),
    terms,
    closed_days: spansOf("closed_days", false),
  };
}

function showChanges(found) {
  const counts = ["moved", "exempted", "added", "dropped"].filter((name) => found[name]);
  const section = field("changes");
  section.hidden = false;
  section.querySelector("p").textContent = counts.length
    ? counts.map((name) => `${words[name]} ${found[name]}`).join(" · ")
    : words.nothing;
  section.querySelector("ul").replaceChildren(
    ...found.shown.map((one) => {
      const item = document.createElement("li");
      const unit = units[one.unit_id]?.[lang === "zh" ? 0 : 1] ?? one.unit_id;
      item.textContent = `${unit} · ${rules[one.rule_id] ?? one.rule_id}: ${one.was_due_on ?? words.exempt} → ${one.due_on ?? words.exempt}`;
      return item;
    }),
  );
}

async function doing(work) {
  output.textContent = "";
  try {
    await work();
  } catch (error) {
    output.textContent = error instanceof RangeError ? error.message : document.body.dataset.broken;
  }
}

field("read").addEventListener("click", () =>
  doing(async () => {
    const found = await ask(`${ADDRESS}/notice`, { words: field("notice").value });
    field("holidays").value = linesOf(found.holidays);
    field("make_up_days").value = found.make_up_days.join("\n");
    if (found.unread.length) output.textContent = `${words.unread} ${found.unread.join("；")}`;
  }),
);
field("look").addEventListener("click", () =>
  doing(async () => showChanges(await ask(`${ADDRESS}/preview${QUERY}`, entered()))),
);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  doing(async () => {
    showChanges(await ask(`${ADDRESS}${QUERY}`, entered()));
    output.textContent = words.saved;
  });
});
doing(async () => {
  const known = await ask(`${ADDRESS}${QUERY}`);
  field("holidays").value = linesOf(known.holidays);
  field("make_up_days").value = known.make_up_days.join("\n");
  field("closed_days").value = known.closed_days.join("\n");
  if (known.entered_by) field("by").textContent = `${words.by} ${known.entered_by}`;
});
