/** The score of each arm with the sequence that holds at every look, on one common axis. */

import { h, show, svg, write, attribute } from "../dom.js";
import { figureOf, metricName, named, scoreText } from "../measures.js";

const [ROW, TOP, FOOT, LEFT, RIGHT] = [44, 4, 22, 4, 4];

export class Scores {
  #svg = svg("svg", { role: "img" });
  #note = h("span", { class: "note" });
  #names = h("ol", { class: "score-names" });
  #root;
  #width = 0;
  #last = null;

  constructor(root) {
    this.#root = root;
    root.append(h("header", {}, h("h2", {}, "Score by arm"), this.#note), h("div", { class: "scored" }, this.#names, this.#svg));
    new ResizeObserver(([entry]) => this.#resized(entry.contentRect.width)).observe(this.#svg);
  }

  render(snapshot) {
    const scored = snapshot.arms.filter(({ score, accuracy }) => (score ?? accuracy ?? null) !== null);
    show(this.#root, scored.length > 0);
    this.#last = { ...snapshot, scored };
    write(this.#note, `${metricName(snapshot.experiment)}, with the interval that holds at every look${scored.some(bounded) ? "" : " once there are labels enough"}`);
    if (this.#width > 0) this.#draw(this.#last);
  }

  #resized(width) {
    if (width === this.#width) return;
    this.#width = width;
    if (this.#last) this.#draw(this.#last);
  }

  #draw({ scored, experiment }) {
    const height = TOP + ROW * scored.length + FOOT;
    const axis = axisOf(scored, this.#width);
    this.#names.replaceChildren(...scored.map((arm) => h("li", {}, h("strong", {}, named(arm)), h("b", {}, figureOf(arm, experiment)))));
    attribute(this.#svg, "height", height);
    attribute(this.#svg, "viewBox", `0 0 ${this.#width} ${height}`);
    attribute(this.#svg, "aria-label", scored.map((arm) => `${named(arm)}: ${figureOf(arm, experiment)}${spoken(arm, experiment)}`).join("; "));
    this.#svg.replaceChildren(...ticks(axis, height, experiment), ...scored.flatMap((arm, index) => interval(arm, axis, TOP + ROW * (index + 0.5))));
  }
}

const valueOf = ({ score, accuracy }) => score ?? accuracy;
const bounded = ({ low_score: low }) => (low ?? null) !== null;
const spoken = (arm, experiment) => (bounded(arm) ? `, between ${scoreText(arm.low_score, experiment)} and ${scoreText(arm.high_score, experiment)}` : "");

function axisOf(scored, width) {
  const ends = scored.flatMap((arm) => [valueOf(arm), arm.low_score ?? valueOf(arm), arm.high_score ?? valueOf(arm)]);
  const [lowest, highest] = [Math.min(...ends), Math.max(...ends)];
  const margin = Math.max((highest - lowest) * 0.08, Math.abs(highest) * 0.005, 1e-9);
  const [from, to] = [lowest - margin, highest + margin];
  return { from, to, x: (value) => LEFT + ((width - LEFT - RIGHT) * (value - from)) / (to - from), width };
}

function ticks({ from, to, x, width }, height, experiment) {
  const pieces = width < 420 ? 2 : 4;
  return Array.from({ length: pieces + 1 }, (_, index) => from + ((to - from) * index) / pieces).flatMap((value, index) => [
    svg("line", { class: "even", x1: x(value), x2: x(value), y1: TOP, y2: height - FOOT }),
    svg("text", { class: `tick ${index === 0 ? "" : index === pieces ? "end" : "middle"}`, x: x(value), y: height - 5 }, scoreText(value, experiment)),
  ]);
}

function interval(arm, { x }, y) {
  const tip = svg("circle", { class: "tip", cx: x(valueOf(arm)), cy: y, r: 5 });
  if (!bounded(arm)) return [tip];
  const [from, to] = [x(arm.low_score), x(arm.high_score)];
  const cap = (at) => svg("line", { class: "beam", x1: at, x2: at, y1: y - 7, y2: y + 7 });
  return [svg("rect", { class: "band", x: from, y: y - 7, width: Math.max(0, to - from), height: 14 }), svg("line", { class: "beam", x1: from, x2: to, y1: y, y2: y }), cap(from), cap(to), tip];
}
