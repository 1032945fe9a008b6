// SVG elements of the coverage plan.

const SVG = "http://www.w3.org/2000/svg";

export function shape(kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export const pathOf = (rings) => rings.map((ring) => `M${ring.map((p) => p.join(",")).join("L")}Z`).join("");

export function hatch(id, colour, angle, unit, fine = 1) {
  const side = 8 * unit * fine;
  const pattern = shape("pattern", {
    id, width: side, height: side, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})`,
  });
  pattern.append(shape("line", { x1: 0, y1: 0, x2: 0, y2: side, stroke: colour, "stroke-width": 3 * unit * fine * fine }));
  return pattern;
}

// A mask that hides what the polygons cover.
export function elsewhere(polygons, [x, y, width, height]) {
  const mask = shape("mask", { id: "not-seen", maskUnits: "userSpaceOnUse", x, y, width, height });
  mask.append(shape("rect", { x, y, width, height, fill: "white" }));
  for (const rings of polygons) mask.append(shape("path", { d: pathOf(rings), fill: "black" }));
  return mask;
}
