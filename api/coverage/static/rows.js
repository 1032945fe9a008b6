// Rows of the page's tables. One whose words did not change stays as it is, and with it the place of
// the keyboard; one that is made anew gives it back.

import { make, setOrder } from "/console/js/dom.js";
import { by } from "./page.js";

const drawn = new Map();

/** A word with its sign: colour alone says nothing. */
export const marked = (text, good) => ({ text: `${good ? "●" : "✕"} ${text}`, class: good ? "good" : "bad" });

/** Buttons of a row, each `{key, text, act}`; a key is good once in its row. */
export const buttons = (list) => ({ buttons: list });

export const link = (href, text) => ({ href, text });

/** Fill a table's body with `[{key, cells}]`: a cell is a text, `marked`, `buttons` or `link`. */
export function fillRows(id, rows) {
  const held = by(id).contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const known = drawn.get(id) ?? new Map();
  const fresh = new Map(rows.map(({ key, cells }) => {
    const wanted = JSON.stringify(cells);
    const old = known.get(key);
    return [key, old?.wanted === wanted ? old : { wanted, root: makeRow(key, cells) }];
  }));
  drawn.set(id, fresh);
  setOrder(by(id), [...fresh.values()].map((one) => one.root));
  if (held === undefined || document.activeElement?.dataset.key === held) return;
  const again = by(id).querySelector(`[data-key="${CSS.escape(held)}"]`);
  again?.focus();
}

function makeRow(rowKey, cells) {
  return make("tr", {}, ...cells.map((cell) => make("td", {}, ...content(rowKey, cell))));
}

function content(rowKey, cell) {
  if (typeof cell === "string") return [cell];
  if (cell.href !== undefined) return [make("a", { href: cell.href, text: cell.text, "data-key": `${rowKey}/link` })];
  if (cell.buttons === undefined) return [make("span", cell)];
  return cell.buttons.map(({ key, text, act }) =>
    make("button", { type: "button", text, "data-key": `${rowKey}/${key}`, onclick: act }));
}
