/** The evidence meter: a staff gauge whose water rises with the e-value, and its race to the line. */

import { h, svg, write } from "../dom.js";
import { count, odds } from "../format.js";
import { labelled } from "../followed.js";
import { area, line } from "../shapes.js";

const [BOARD, LEFT, TOP, FOOT, RIGHT] = [34, 56, 8, 18, 6];
const DECADE = Math.LN10;

export class Evidence {
  #svg = svg("svg", { class: "evidence", role: "img" });
  #value = h("b");
  #goal = h("small");
  #height;
  #width = 0;
  #last = null;
  #mine = `gauge-${Math.round(performance.now())}`;
  node = h("figure", {}, h("figcaption", {}, h("span", {}, "Evidence"), this.#value, this.#goal), this.#svg);

  constructor(height = 168) {
    this.#height = height;
    this.#svg.setAttribute("height", height);
    new ResizeObserver(([entry]) => this.#resized(entry.contentRect.width)).observe(this.#svg);
  }

  render(given) {
    this.#last = given;
    if (this.#width > 0) this.#draw(given);
  }

  #resized(width) {
    if (width === this.#width) return;
    this.#width = width;
    if (this.#last) this.#draw(this.#last);
  }

  #draw({ evidence, history, arms, experiment }) {
    const crest = evidence?.threshold ?? Math.log((arms.length - 1) / experiment.alpha);
    const level = evidence?.log_e ?? null;
    const trace = history?.log_e ?? [];
    const scale = vertical([...trace, level ?? 0], crest, this.#height);
    const total = Math.max(1, ...(history?.n ?? []), labelled(arms));
    write(this.#value, level === null ? "not yet" : odds(level));
    write(this.#goal, level === null ? "shown from 100 labels per arm on" : `against “no difference”; decides at ${odds(crest)}`);
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${this.#height}`);
    this.#svg.setAttribute("aria-label", level === null ? "No evidence is shown yet" : `Evidence ${odds(level)}, decides at ${odds(crest)}`);
    this.#svg.replaceChildren(
      ...this.#board(scale, level ?? 0, level !== null),
      ...this.#race(scale, history, level, labelled(arms), total),
      ...this.#crest(scale, crest, level !== null && level >= crest),
      svg("text", { x: LEFT + BOARD, y: this.#height - 4, class: "tick" }, "0"),
      svg("text", { x: this.#width - RIGHT, y: this.#height - 4, class: "tick end" }, labelled(arms) ? `${count(total)} labels` : "no labels"),
    );
  }

  /** The graduated board: blocks by decade as on a river gauge, inked above the water, light below it. */
  #board(scale, level, known) {
    const surface = known ? scale.y(level) : scale.floor;
    const marks = () => graduations(scale);
    const above = svg("clipPath", { id: `${this.#mine}-above` }, svg("rect", { x: LEFT, y: TOP, width: BOARD, height: Math.max(0, surface - TOP) }));
    const below = svg("clipPath", { id: `${this.#mine}-below` }, svg("rect", { x: LEFT, y: surface, width: BOARD, height: Math.max(0, scale.floor - surface) }));
    return [
      svg("defs", {}, above, below),
      svg("rect", { class: "plate", x: LEFT, y: TOP, width: BOARD, height: scale.floor - TOP }),
      svg("rect", { class: "water", x: LEFT, y: surface, width: BOARD, height: scale.floor - surface }),
      svg("g", { class: "marks", "clip-path": `url(#${this.#mine}-above)` }, ...marks()),
      svg("g", { class: "marks sunk", "clip-path": `url(#${this.#mine}-below)` }, ...marks()),
      ...decades(scale).map((decade) => svg("text", { class: "tick end", x: LEFT - 6, y: scale.y(decade * DECADE) + 4 }, oddsOf(decade))),
    ];
  }

  #race(scale, history, level, now, total) {
    const [from, to] = [LEFT + BOARD, this.#width - RIGHT];
    const x = (n) => from + ((to - from) * n) / total;
    const points = (history?.n ?? []).map((n, index) => [x(n), scale.y(history.log_e[index])]);
    if (level !== null) points.push([x(now), scale.y(level)]);
    const even = svg("line", { class: "even", x1: from, x2: to, y1: scale.y(0), y2: scale.y(0) });
    if (points.length === 0) return [even];
    const tip = points[points.length - 1];
    return [
      svg("path", { class: "flow", d: area(points, scale.floor) }),
      even,
      svg("line", { class: "reach", x1: from, x2: tip[0], y1: tip[1], y2: tip[1] }),
      svg("path", { class: "surface", d: line(points) }),
      svg("circle", { class: "tip", cx: tip[0], cy: tip[1], r: 3.5 }),
    ];
  }

  /** Its name stands where the race begins, on the side of the line that the path has left. */
  #crest(scale, crest, reached) {
    const y = scale.y(crest);
    return [
      svg("line", { class: "crest", x1: LEFT, x2: this.#width - RIGHT, y1: y, y2: y }),
      svg("text", { class: "crest-name", x: LEFT + BOARD + 8, y: reached ? y + 14 : y - 5 }, reached ? "decided" : "decides here"),
    ];
  }
}


/** Whole decades from a little below the lowest point to above both the line and the highest. */
function vertical(levels, crest, height) {
  const lowest = Math.max(-3, Math.min(-1, Math.floor(Math.min(...levels) / DECADE)));
  const highest = Math.max(Math.ceil(crest / DECADE + 0.2), Math.ceil(Math.max(...levels) / DECADE + 0.15));
  const floor = height - FOOT;
  const y = (level) => floor - ((floor - TOP) * (Math.max(level / DECADE, lowest) - lowest)) / (highest - lowest);
  return { lowest, highest, floor, y };
}

function decades({ lowest, highest }) {
  const every = Math.ceil((highest - lowest) / 7);
  const all = Array.from({ length: highest - lowest + 1 }, (_, index) => lowest + index);
  return all.filter((decade) => decade % every === 0);
}

const oddsOf = (decade) => (decade === 0 ? "even" : odds(decade * DECADE));

/** Blocks at every second fifth of a decade, on alternating sides, as hydrologists paint them. */
function graduations(scale) {
  const fifth = DECADE / 5;
  const parts = (scale.highest - scale.lowest) * 5;
  const height = (scale.floor - TOP) / parts;
  return Array.from({ length: parts }, (_, index) => index)
    .filter((index) => index % 2 === 0)
    .map((index) => {
      const upper = scale.y(scale.lowest * DECADE + (index + 1) * fifth);
      const left = Math.floor(index / 10) % 2 === 0;
      return svg("rect", { x: left ? LEFT : LEFT + BOARD / 2, y: upper, width: BOARD / 2, height });
    });
}
