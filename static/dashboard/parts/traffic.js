/** The last ten minutes of an endpoint as three curves; without the plotting library, a word instead. */

import { h, show, write } from "../dom.js";
import { measure, milliseconds } from "../format.js";
import { command } from "./commands.js";

const LIBRARY = new URL("../../uplot/", import.meta.url);
const HEIGHT = 132;
const MINUTES = [60, 120, 300, 600];

const PANES = [
  { title: "Rate", unit: "predictions/s", fields: [["rate", "--water", "--water-soft"]], show: measure },
  { title: "Latency", unit: "ms, p50 and p99", fields: [["p50", "--water"], ["p99", "--silt"]], show: milliseconds },
  { title: "Batch", unit: "rows together", fields: [["batch", "--ink-2", "--line-2"]], show: measure, floor: 1 },
];

/** Custom properties may hold light-dark(): only a computed colour is one that a canvas takes. */
function colour(name) {
  const probe = document.body.appendChild(h("span", { hidden: true }));
  probe.style.color = `var(${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

async function library() {
  document.head.append(h("link", { rel: "stylesheet", href: new URL("uPlot.min.css", LIBRARY) }));
  return (await import(new URL("uPlot.esm.js", LIBRARY))).default;
}

class Pane {
  #spec;
  #plot = null;
  #box = h("div", { class: "plot" });
  #now = h("b");

  constructor(spec) {
    this.#spec = spec;
    const heading = h("figcaption", {}, h("span", {}, spec.title), h("small", {}, spec.unit), this.#now);
    this.node = h("figure", { class: "pane" }, heading, this.#box);
  }

  draw(UPlot, data) {
    this.#plot?.destroy();
    this.#plot = new UPlot(options(this.#spec, this.#box.clientWidth, (index) => this.#read(index)), data, this.#box);
  }

  resize() {
    this.#plot?.setSize({ width: this.#box.clientWidth, height: HEIGHT });
  }

  render(data) {
    this.#plot?.setData(data);
    this.#read(this.#plot?.cursor.idx ?? null, data);
  }

  #read(index, data = this.#plot?.data) {
    const columns = data?.slice(1) ?? [];
    write(this.#now, columns.map((column) => this.#spec.show(column[index ?? column.length - 1])).join(" · "));
  }
}

function options(spec, width, onCursor) {
  const quiet = colour("--ink-3");
  const axis = { stroke: quiet, font: "11px Archivo, ui-sans-serif, sans-serif", ticks: { show: false }, grid: { stroke: colour("--line-2"), width: 1 } };
  return {
    width,
    height: HEIGHT,
    padding: [6, 16, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "traffic" }, y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: { y: { range: (_, low, high) => [0, Math.max(high ?? 0, spec.floor ?? 0.001) * 1.12] } },
    axes: [{ ...axis, size: 24, space: 64, incrs: MINUTES, values: clockTimes }, { ...axis, size: 40, space: 30, values: (_, ticks) => ticks.map((tick) => spec.show(tick).replace(/\.0+$/, "")) }],
    series: [{}, ...spec.fields.map(([name, stroke, fill]) => ({ label: name, stroke: colour(stroke), fill: fill && colour(fill), width: 1.5, points: { show: false }, spanGaps: false }))],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

const clockTimes = (_, seconds) => seconds.map((second) => new Date(second * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }));

export class Traffic {
  #UPlot = null;
  #panes = PANES.map((spec) => new Pane(spec));
  #plots = h("div", { class: "panes" }, ...this.#panes.map((pane) => pane.node));
  #missing = h("p", { class: "empty small" }, "Charts are off: uPlot is not installed. Type npm ci and reload; everything else works.");
  #idle = h("div", { class: "empty idle" }, h("strong", {}, "No traffic in the last ten minutes"), h("p", {}, "Play held-out rows of the demo data with their labels against this server:"), command("make traffic"), h("p", {}, "or send one row by hand:"));
  #curl = command("");
  #history = null;
  #off = false;

  constructor(root) {
    this.#idle.append(this.#curl);
    root.append(h("header", {}, h("h2", {}, "Traffic"), h("span", { class: "note" }, "the last ten minutes")), this.#plots, this.#missing, this.#idle);
    show(this.#missing, false);
    show(this.#idle, false);
    new ResizeObserver(() => this.#panes.forEach((pane) => pane.resize())).observe(this.#plots);
    addEventListener("weir-theme", () => this.#redraw());
    library().then((UPlot) => this.#start(UPlot), () => this.#without());
  }

  /** `curl` is the line that would predict one row here. */
  render(history, curl) {
    this.#history = history;
    const quiet = !history.rate.some((rate) => rate > 0);
    show(this.#idle, quiet);
    show(this.#missing, this.#off && !quiet);
    show(this.#plots, !quiet && this.#UPlot !== null);
    if (quiet) this.#curl.change(curl);
    else this.#panes.forEach((pane, index) => pane.render(columns(history, PANES[index])));
  }

  #start(UPlot) {
    this.#UPlot = UPlot;
    document.fonts.ready.then(() => this.#redraw());
  }

  #redraw() {
    if (!this.#UPlot) return;
    const history = this.#history ?? { t: [], rate: [], p50: [], p99: [], batch: [] };
    show(this.#plots, history.rate.some((rate) => rate > 0));
    this.#panes.forEach((pane, index) => pane.draw(this.#UPlot, columns(history, PANES[index])));
  }

  #without() {
    this.#off = true;
    show(this.#plots, false);
  }
}

const columns = (history, spec) => [history.t, ...spec.fields.map(([name]) => history[name])];
