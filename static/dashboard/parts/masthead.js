/** The line at the top: what the process does in all, and whether this page still hears it. */

import { h, svg, write, attribute } from "../dom.js";
import { compact, duration, measure, milliseconds, NONE } from "../format.js";
import { area, line, smooth, spread } from "../shapes.js";

const VITALS = [
  ["rate", "predictions/s", ""],
  ["p99", "ms p99", ""],
  ["total", "served", "extra"],
  ["errors", "errors", "extra"],
  ["sockets", "sockets", "spare"],
  ["memory", "MB", "spare"],
  ["uptime", "up", "spare"],
];

export class Vitals {
  #cells = new Map();

  constructor(root) {
    for (const [key, name, rank] of VITALS) {
      const cell = h("dd", {}, NONE);
      this.#cells.set(key, cell);
      root.append(h("div", { class: rank }, h("dt", {}, name), cell));
    }
  }

  render(operations) {
    const sum = (field) => operations.endpoints.reduce((all, endpoint) => all + (endpoint[field] ?? 0), 0);
    const slowest = Math.max(...operations.endpoints.map((endpoint) => endpoint.latency_ms?.p99 ?? -1));
    const values = {
      rate: measure(sum("rate")),
      p99: slowest < 0 ? NONE : milliseconds(slowest),
      total: compact(sum("predictions")),
      errors: compact(sum("errors") + sum("refused")),
      sockets: compact(operations.sockets),
      memory: compact(operations.rss_mb),
      uptime: duration(operations.uptime_s),
    };
    for (const [key, cell] of this.#cells) write(cell, values[key]);
  }
}

const WORDS = { connecting: "Connecting", live: "Live", lost: "Reconnecting" };

export class Connection {
  #node;
  #deck;

  constructor(node, deck) {
    this.#node = node;
    this.#deck = deck;
  }

  render(state) {
    write(this.#node, WORDS[state]);
    attribute(this.#node, "data-state", state);
    // Old numbers must look old: nobody should act on a picture that stands still.
    attribute(this.#deck, "data-stale", state === "lost" ? "" : null);
  }
}

const [WIDTH, HEIGHT, SECONDS] = [1200, 38, 300];

export class River {
  #flow = svg("path", { class: "flow" });
  #surface = svg("path", { class: "surface" });

  constructor(root) {
    root.append(svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" }, this.#flow, this.#surface));
  }

  render(rates) {
    const padded = [...new Array(Math.max(0, SECONDS - rates.length)).fill(0), ...rates.slice(-SECONDS)];
    const peak = Math.max(...padded, 4) * 1.05;
    const points = spread(smooth(padded, 4), SECONDS, WIDTH, HEIGHT - 5, peak).map(([x, y]) => [x, y + 1]);
    this.#flow.setAttribute("d", area(points, HEIGHT));
    this.#surface.setAttribute("d", line(points));
  }
}
