/** What each arm costs to run: answered, failed, and how long it took. */

import { h, write, attribute, Rows } from "../dom.js";
import { count, milliseconds } from "../format.js";

const HEADINGS = ["Arm", "Answered", "Failed", "p50 ms", "p95 ms", "p99 ms"];
const FAILED = 1;

class Row {
  #name = h("th", { scope: "row" });
  #cells = HEADINGS.slice(1).map(() => h("td", { class: "number" }));
  node = h("tr", {}, this.#name, ...this.#cells);

  update(arm) {
    const ranks = ["p50", "p95", "p99"].map((rank) => milliseconds(arm.latency_ms?.[rank]));
    write(this.#name, `${arm.name} ${arm.version}`);
    [count(arm.exposures), count(arm.errors), ...ranks].forEach((text, index) => write(this.#cells[index], text));
    attribute(this.#cells[FAILED], "data-alarm", arm.errors ? "" : null);
  }
}

export class Operating {
  #body = h("tbody");
  #rows = new Rows(this.#body, () => new Row());
  #heads = HEADINGS.map((text, index) => h("th", { scope: "col", class: index ? "number" : null }, text));
  #table = h("table", { class: "listing" }, h("thead", {}, h("tr", {}, ...this.#heads)), this.#body);
  #scroll = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Operations by arm, scrolls sideways" }, this.#table);
  node = h("section", { class: "operating", "aria-label": "Operations by arm" }, h("h3", {}, "Operations by arm"), this.#scroll);

  render(arms) {
    this.#rows.render(arms, ({ arm }) => arm);
  }
}
