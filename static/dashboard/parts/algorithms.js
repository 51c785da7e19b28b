/** The algorithms of the chosen endpoint, one line each. */

import { h, show, write, attribute, Rows } from "../dom.js";
import { compact, measure, milliseconds } from "../format.js";
import { confirmPromotion, confirmReturn } from "./succession.js";

const HEADINGS = ["Algorithm", "Status", "Runtime", "Served", "per s", "rows a batch", "p50 ms", "p99 ms", ""];
const IN_TEST = ["ab_testing", "shadow", "canary"];
const WORDS = { ab_testing: "in the test", shadow: "in the shadow", rolled_back: "rolled back" };

class AlgorithmRow {
  #name = h("th", { scope: "row" });
  #chip = h("span", { class: "chip" });
  #runtime = h("td");
  #numbers = Array.from({ length: 5 }, () => h("td", { class: "number" }));

  #promote = h("button", { type: "button", class: "quiet", onclick: () => confirmPromotion(this.#endpoint(), this.#algorithm) }, "Promote");
  #return = h("button", { type: "button", class: "quiet", onclick: () => confirmReturn(this.#endpoint(), this.#algorithm) }, "Roll back");
  #endpoint;
  #algorithm;

  /** `endpoint` gives the one that is shown. */
  constructor(endpoint) {
    this.#endpoint = endpoint;
    this.node = h("tr", {}, this.#name, h("td", {}, this.#chip), this.#runtime, ...this.#numbers, h("td", { class: "number" }, this.#promote, this.#return));
    this.#name.append(h("span"), " ", h("small"));
  }

  update(algorithm) {
    this.#algorithm = algorithm;
    this.#offer(algorithm);
    write(this.#name.firstChild, algorithm.name);
    write(this.#name.lastChild, [algorithm.version, `#${algorithm.id}`, ...algorithm.aliases].join(" · "));
    write(this.#chip, WORDS[algorithm.status] ?? algorithm.status);
    attribute(this.#chip, "data-status", algorithm.status);
    write(this.#runtime, algorithm.runtime);
    const { predictions, rate, batch_rows: batch, latency_ms: latency } = algorithm;
    const values = [compact(predictions), measure(rate), measure(batch), milliseconds(latency?.p50), milliseconds(latency?.p99)];
    values.forEach((value, index) => write(this.#numbers[index], value));
  }

  /** A test decides about production as long as it runs. */
  #offer({ name, version, status }) {
    const free = this.#endpoint().experiment === null;
    show(this.#promote, free && status !== "production" && !IN_TEST.includes(status));
    show(this.#return, free && status === "production" && this.#endpoint().algorithms.length > 1);
    attribute(this.#promote, "aria-label", `Promote ${name} ${version}`);
    attribute(this.#return, "aria-label", `Roll back ${name} ${version}`);
  }
}

export class Algorithms {
  #body = h("tbody");
  #rows = new Rows(this.#body, () => new AlgorithmRow(() => this.#endpoint));
  #endpoint = null;
  #note = h("span", { class: "note" });

  constructor(root) {
    const head = h("tr", {}, ...HEADINGS.map((text, index) => h(text ? "th" : "td", { scope: text ? "col" : null, class: index > 2 ? "number" : null }, text)));
    const table = h("table", {}, h("thead", {}, head), this.#body);
    root.append(h("header", {}, h("h2", {}, "Algorithms"), this.#note), h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Algorithms, scrolls sideways" }, table));
  }

  render(endpoint) {
    this.#endpoint = endpoint;
    this.#rows.render(endpoint.algorithms, (algorithm) => algorithm.id);
    write(this.#note, "since the server started");
  }
}
