// The last ten minutes of a zone's density as a small line; gaps stay gaps.

import { makeSvg } from "./dom.js";
import { get } from "./service.js";
import { serverNow } from "./time.js";

const SPAN_MS = 600_000;
const GAP_MS = 15_000;
const WIDTH = 200;
const HEIGHT = 36;
/** Persons per m² at the top edge. */
const TOP = 5;

/** A line for one zone; `add(iso, density)` appends, `draw()` redraws. */
export class Trend {
  #points = [];
  #line = makeSvg("path", { class: "trend-line" });

  constructor(zoneId, title) {
    this.svg = makeSvg("svg", {
      class: "trend",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": title,
    });
    for (const density of [1, 2, 3, 4]) {
      const y = this.#y(density);
      this.svg.append(makeSvg("line", { class: "trend-rule", x1: 0, x2: WIDTH, y1: y, y2: y }));
    }
    this.svg.append(this.#line);
    this.#load(zoneId);
  }

  async #load(zoneId) {
    const from = new Date(serverNow() - SPAN_MS).toISOString();
    const query = new URLSearchParams({ from });
    const series = await get(`/api/v1/zones/${encodeURIComponent(zoneId)}/readings?${query}`);
    if (series === null) return;
    const old = series.points.map((point) => [Date.parse(point.at), point.density_per_m2]);
    const first = this.#points[0]?.[0] ?? Infinity;
    this.#points = [...old.filter(([at]) => at < first), ...this.#points];
    this.draw();
  }

  add(iso, density) {
    const at = Date.parse(iso);
    const last = this.#points.at(-1);
    if (last && at <= last[0]) return;
    this.#points.push([at, density]);
  }

  draw() {
    const start = serverNow() - SPAN_MS;
    this.#points = this.#points.filter(([at]) => at >= start);
    let path = "";
    let before = null;
    for (const [at, density] of this.#points) {
      if (density === null) {
        before = null;
        continue;
      }
      const joined = before !== null && at - before < GAP_MS;
      const x = ((at - start) / SPAN_MS) * WIDTH;
      path += `${joined ? "L" : "M"}${x.toFixed(1)} ${this.#y(density).toFixed(1)}`;
      before = at;
    }
    this.#line.setAttribute("d", path);
  }

  #y(density) {
    return HEIGHT - 1 - (Math.min(density, TOP) / TOP) * (HEIGHT - 2);
  }
}
