/** Each algorithm as a line: what waits for it, how it batches, what was refused, with its endpoint's curve. */

import { h, svg, write, attribute, Rows } from "../dom.js";
import { compact, count, measure, milliseconds } from "../format.js";
import { area, line, smooth, spread } from "../shapes.js";

const [WIDTH, HEIGHT, SECONDS] = [160, 26, 120];
const HEADINGS = ["Endpoint", "Last two minutes", "Per second", "Waiting", "Rows a batch", "p50 ms", "p99 ms", "Served", "Failed", "Refused"];

class Row {
  #name = h("a");
  #flow = svg("path", { class: "flow" });
  #surface = svg("path", { class: "surface" });
  #numbers = Array.from({ length: HEADINGS.length - 2 }, () => h("td", { class: "number" }));

  constructor() {
    const spark = svg("svg", { class: "spark", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, this.#flow, this.#surface);
    this.node = h("tr", {}, h("th", { scope: "row" }, this.#name), h("td", {}, spark), ...this.#numbers);
  }

  update({ endpoint, history }) {
    write(this.#name, endpoint.name);
    attribute(this.#name, "href", `/endpoints/${encodeURIComponent(endpoint.name)}`);
    const served = endpoint.algorithms.reduce((sum, each) => sum + each.predictions, 0);
    const values = [
      measure(endpoint.rate), count(endpoint.queue_rows), measure(endpoint.batch_rows), milliseconds(endpoint.latency_ms?.p50),
      milliseconds(endpoint.latency_ms?.p99), compact(served), count(endpoint.errors), count(endpoint.refused),
    ];
    values.forEach((value, index) => write(this.#numbers[index], value));
    attribute(this.#numbers[6], "data-alarm", endpoint.errors ? "" : null);
    attribute(this.#numbers[7], "data-alarm", endpoint.refused ? "" : null);
    this.#draw(smooth(history?.rate.slice(-SECONDS) ?? [], 2));
  }

  #draw(rates) {
    const points = spread(rates, SECONDS, WIDTH, HEIGHT - 2, Math.max(...rates, 1)).map(([x, y]) => [x, y + 1]);
    this.#flow.setAttribute("d", area(points, HEIGHT));
    this.#surface.setAttribute("d", line(points));
  }
}

export class Machinery {
  #body = h("tbody");
  #rows = new Rows(this.#body, () => new Row());

  constructor(root) {
    const head = h("tr", {}, ...HEADINGS.map((text, index) => h("th", { scope: "col", class: index > 1 ? "number" : null }, text)));
    root.append(h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Endpoints, scrolls sideways" }, h("table", { class: "listing" }, h("thead", {}, head), this.#body)));
  }

  render({ endpoints }, histories) {
    this.#rows.render(endpoints.map((endpoint) => ({ endpoint, history: histories.get(endpoint.name) })), ({ endpoint }) => endpoint.name);
  }
}
