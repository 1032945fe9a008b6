// Small builders for page elements. Text is always set as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element: `make("p", {class: "x", text: "hello"}, child, ...)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter(Boolean));
  return element;
}

/** A shape of the page's set, by name; decoration only, so it is hidden from readers. */
export function shape(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#shape-${name}`);
  svg.append(use);
  return svg;
}

/** Point a shape made by `shape` at another symbol. */
export function setShape(svg, name) {
  const use = svg.firstElementChild;
  const href = `#shape-${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Set text only when it differs, so that readers and selections are not disturbed. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A refusal is of one press: whoever comes later must not read it as how things are. */
const SAID_MS = 30_000;

const forgetting = new WeakMap();

/** Say what came of a press, for a while; "" takes back what was said. */
export function sayBriefly(element, text) {
  clearTimeout(forgetting.get(element));
  setText(element, text);
  if (text !== "") forgetting.set(element, setTimeout(() => setText(element, ""), SAID_MS));
}

/**
 * Put `children` into `parent` in this order. The one that has the keyboard is never moved: an element
 * that is moved loses it, and what somebody types on would be read as keys of the desk.
 */
export function setOrder(parent, children) {
  const wanted = new Set(children);
  for (const old of [...parent.children]) if (!wanted.has(old)) old.remove();
  const held = children.findIndex((child) => child.contains(document.activeElement));
  for (let place = held - 1; place >= 0; place -= 1) {
    const next = children[place + 1];
    if (children[place].nextElementSibling !== next) parent.insertBefore(children[place], next);
  }
  for (let place = held + 1; place < children.length; place += 1) {
    const next = place === 0 ? parent.firstElementChild : children[place - 1].nextElementSibling;
    if (children[place] !== next) parent.insertBefore(children[place], next);
  }
}

/** An SVG element with attributes. */
export function makeSvg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
