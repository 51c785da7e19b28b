/** The chosen endpoint in one line: its name, who answers, and its numbers now. */

import { h, write, attribute } from "../dom.js";
import { count, measure, milliseconds } from "../format.js";

const FACTS = [
  ["rate", "per second"],
  ["p50", "p50 ms"],
  ["p99", "p99 ms"],
  ["batch", "rows a batch"],
  ["queue", "waiting"],
  ["failed", "failed"],
];

export class Title {
  #name = h("h2");
  #who = h("p");
  #cells = new Map();

  constructor(root) {
    const facts = h("dl", { class: "facts" });
    for (const [key, name] of FACTS) {
      const cell = h("dd");
      this.#cells.set(key, cell);
      facts.append(h("div", {}, h("dt", {}, name), cell));
    }
    root.append(h("div", { class: "who" }, this.#name, this.#who), facts);
  }

  /** `experiment` is the one that is shown, if there is one. */
  render(endpoint, experiment) {
    write(this.#name, endpoint.name);
    write(this.#who, answering(endpoint, experiment));
    const failed = endpoint.errors + endpoint.refused;
    const values = {
      rate: measure(endpoint.rate),
      p50: milliseconds(endpoint.latency_ms?.p50),
      p99: milliseconds(endpoint.latency_ms?.p99),
      batch: measure(endpoint.batch_rows),
      queue: count(endpoint.queue_rows),
      failed: count(failed),
    };
    for (const [key, cell] of this.#cells) write(cell, values[key]);
    attribute(this.#cells.get("failed"), "data-alarm", failed ? "" : null);
  }
}

const named = (algorithm) => `${algorithm.name} ${algorithm.version}`;

function answering(endpoint, experiment) {
  const shares = ["ab_testing", "canary", "production"];
  const testing = endpoint.algorithms.filter((algorithm) => shares.includes(algorithm.status));
  if (experiment?.running && experiment.mode === "shadow") return "One algorithm answers; others are given the same inputs unseen.";
  if (endpoint.experiment !== null && testing.length > 1) return `Traffic is split between ${testing.map(named).join(" and ")}.`;
  const production = endpoint.algorithms.find((algorithm) => algorithm.status === "production");
  return production ? `${named(production)} answers.` : "No algorithm is in production: default requests are refused.";
}
