/** How much better: the difference with the interval that holds at every look, narrowing as labels come. */

import { h, svg, write } from "../dom.js";
import { gap } from "../format.js";
import { labelled } from "../followed.js";
import { band, ceiling, line } from "../shapes.js";
import { unitOf } from "./rules.js";

const [LEFT, TOP, FOOT, RIGHT] = [90, 6, 6, 6];

export class Effect {
  #svg = svg("svg", { class: "effect", role: "img" });
  #value = h("b");
  #range = h("small");
  #height;
  #width = 0;
  #last = null;
  node = h("figure", {}, h("figcaption", {}, h("span", {}, "Difference"), this.#value, this.#range), this.#svg);

  constructor(height = 88) {
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
    write(this.#value, evidence ? `${gap(evidence.difference, experiment)}${unitOf(experiment).name}` : "not yet");
    write(this.#range, evidence ? this.#between(evidence, experiment) : "");
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${this.#height}`);
    this.#svg.setAttribute("aria-label", evidence ? `Difference ${this.#value.textContent}, ${this.#range.textContent}` : "No difference is shown yet");
    this.#svg.replaceChildren(...this.#picture(points(history, evidence, arms), experiment, arms));
  }

  #between({ interval: [low, high] }, experiment) {
    const reach = Math.max(Math.abs(low), Math.abs(high));
    const bounds = `${gap(low, experiment, reach)} to ${gap(high, experiment, reach)}`;
    return `${bounds} at ${Math.round(100 * (1 - experiment.alpha))} %, at every look`;
  }

  #picture(rows, experiment, arms) {
    const [from, to, middle] = [LEFT, this.#width - RIGHT, (this.#height + TOP - FOOT) / 2];
    const reach = rows.length === 0 ? null : ceiling(Math.max(1e-6, ...tail(rows).map(({ low, high }) => Math.max(Math.abs(low), Math.abs(high)))));
    const total = Math.max(1, rows.at(-1)?.n ?? 1);
    const x = (n) => from + ((to - from - 8) * n) / total;
    const y = (value) => middle - ((middle - TOP) * Math.max(-1, Math.min(1, value / reach)));
    return [
      svg("line", { class: "even", x1: from, x2: to, y1: middle, y2: middle }),
      ...frame(experiment, reach, middle, arms, this.#height),
      svg("path", { class: "band", d: band(rows.map((row) => [x(row.n), y(row.low), y(row.high)])) }),
      svg("path", { class: "surface", d: line(rows.map((row) => [x(row.n), y(row.difference)])) }),
      ...(rows.length ? beam(x(total), rows.at(-1), y) : []),
    ];
  }
}

/** Early bands are as wide as the world; the axis follows the later half, where there is something to see. */
const tail = (rows) => rows.slice(Math.floor(rows.length / 2));

function points(history, evidence, arms) {
  const rows = (history?.n ?? []).map((n, index) => ({ n, difference: history.difference[index], low: history.low[index], high: history.high[index] }));
  if (evidence) rows.push({ n: labelled(arms), difference: evidence.difference, low: evidence.interval[0], high: evidence.interval[1] });
  return rows;
}

function frame(experiment, reach, middle, arms, height) {
  const label = (text, y) => svg("text", { class: "tick end", x: LEFT - 6, y }, text);
  const bound = (sign) => (reach === null ? "" : gap(sign * reach, experiment, reach));
  const names = arms.length === 2 ? arms.map((arm) => shortened(arm.name)) : ["#1", "challenger"];
  return [
    label(bound(1), TOP + 8), label("0", middle + 4), label(bound(-1), height - FOOT),
    svg("text", { class: "side", x: 0, y: TOP + 24 }, `${names[1]} ▲`),
    svg("text", { class: "side", x: 0, y: height - FOOT - 14 }, `${names[0]} ▼`),
  ];
}

const shortened = (name) => (name.length <= 14 ? name : `${name.slice(0, 13)}…`);

function beam(x, { difference, low, high }, y) {
  const cap = (value) => svg("line", { class: "beam", x1: x - 4, x2: x + 4, y1: y(value), y2: y(value) });
  return [svg("line", { class: "beam", x1: x, x2: x, y1: y(low), y2: y(high) }), cap(low), cap(high), svg("circle", { class: "tip", cx: x, cy: y(difference), r: 3.5 })];
}
