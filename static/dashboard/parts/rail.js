/** The list of endpoints: which are served, how busy each is, which one is being tested. */

import { h, svg, write, attribute, show, Rows } from "../dom.js";
import { measure, milliseconds, count } from "../format.js";
import { area, line, smooth, spread } from "../shapes.js";
import { Workers } from "./workers.js";

const [WIDTH, HEIGHT, SECONDS] = [216, 22, 90];

class EndpointRow {
  #name = h("strong");
  #chip = h("span", { class: "chip", "data-status": "running" }, "test");
  #rate = h("b");
  #latency = h("span");
  #trouble = h("span", { class: "trouble" });
  #flow = svg("path", { class: "flow" });
  #surface = svg("path", { class: "surface" });

  constructor() {
    const spark = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.#flow, this.#surface);
    const facts = h("span", { class: "facts" }, h("span", {}, this.#rate, "/s"), h("span", {}, this.#latency, " ms p99"), this.#trouble);
    this.link = h("a", {}, h("span", { class: "name" }, this.#name, this.#chip), spark, facts);
    this.node = h("li", {}, this.link);
  }

  update({ endpoint, history, selected }) {
    write(this.#name, endpoint.name);
    write(this.#rate, measure(endpoint.rate));
    write(this.#latency, milliseconds(endpoint.latency_ms?.p99));
    const failed = endpoint.errors + endpoint.refused;
    write(this.#trouble, failed ? `${count(failed)} failed` : "");
    show(this.#chip, endpoint.experiment !== null);
    attribute(this.link, "href", `#/${encodeURIComponent(endpoint.name)}`);
    attribute(this.link, "aria-current", selected ? "true" : null);
    this.#draw(smooth(history?.rate.slice(-SECONDS) ?? [], 2));
  }

  #draw(rates) {
    const points = spread(rates, SECONDS, WIDTH, HEIGHT - 2, Math.max(...rates, 1)).map(([x, y]) => [x, y + 1]);
    this.#flow.setAttribute("d", area(points, HEIGHT));
    this.#surface.setAttribute("d", line(points));
  }
}

export class Rail {
  #list = h("ul", { class: "endpoints" });
  #rows = new Rows(this.#list, () => new EndpointRow());
  #note = h("span", { class: "note" });

  #workers;

  constructor(root) {
    const workers = h("section", { "aria-label": "Workers" });
    root.append(h("div", {}, h("header", {}, h("h2", {}, "Endpoints"), this.#note), this.#list, workers));
    this.#workers = new Workers(workers);
  }

  render(operations, histories, selected) {
    const items = operations.endpoints.map((endpoint) => ({
      endpoint,
      history: histories.get(endpoint.name),
      selected: endpoint.name === selected,
    }));
    this.#rows.render(items, (item) => item.endpoint.name);
    write(this.#note, items.length || "");
    this.#workers.render(operations);
  }
}
