/** The algorithms of the chosen endpoint, one line each. */

import { h, write, attribute, Rows } from "../dom.js";
import { compact, measure, milliseconds } from "../format.js";

const HEADINGS = ["Algorithm", "Status", "Runtime", "Served", "per s", "rows a batch", "p50 ms", "p99 ms"];
const WORDS = { ab_testing: "in the test", shadow: "in the shadow", rolled_back: "rolled back" };

class AlgorithmRow {
  #name = h("th", { scope: "row" });
  #chip = h("span", { class: "chip" });
  #runtime = h("td");
  #numbers = Array.from({ length: 5 }, () => h("td", { class: "number" }));

  constructor() {
    this.node = h("tr", {}, this.#name, h("td", {}, this.#chip), this.#runtime, ...this.#numbers);
    this.#name.append(h("span"), " ", h("small"));
  }

  update(algorithm) {
    write(this.#name.firstChild, algorithm.name);
    write(this.#name.lastChild, [algorithm.version, `#${algorithm.id}`, ...algorithm.aliases].join(" · "));
    write(this.#chip, WORDS[algorithm.status] ?? algorithm.status);
    attribute(this.#chip, "data-status", algorithm.status);
    write(this.#runtime, algorithm.runtime);
    const { predictions, rate, batch_rows: batch, latency_ms: latency } = algorithm;
    const values = [compact(predictions), measure(rate), measure(batch), milliseconds(latency?.p50), milliseconds(latency?.p99)];
    values.forEach((value, index) => write(this.#numbers[index], value));
  }
}

export class Algorithms {
  #body = h("tbody");
  #rows = new Rows(this.#body, () => new AlgorithmRow());
  #note = h("span", { class: "note" });

  constructor(root) {
    const head = h("tr", {}, ...HEADINGS.map((text, index) => h("th", { scope: "col", class: index > 2 ? "number" : null }, text)));
    const table = h("table", {}, h("thead", {}, head), this.#body);
    root.append(h("header", {}, h("h2", {}, "Algorithms"), this.#note), h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Algorithms, scrolls sideways" }, table));
  }

  render(endpoint) {
    this.#rows.render(endpoint.algorithms, (algorithm) => algorithm.id);
    write(this.#note, "since the server started");
  }
}
