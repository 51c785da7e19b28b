/** The processes that compute, where there are others than this one. */

import { h, write, attribute, show, Rows } from "../dom.js";
import { compact, measure } from "../format.js";

class WorkerRow {
  #name = h("strong");
  #chip = h("span", { class: "chip", "data-status": "retired" });
  #rate = h("b");
  #queue = h("span");
  #memory = h("span");

  constructor() {
    const facts = h("span", { class: "facts" }, h("span", {}, this.#rate, " rows/s"), this.#queue, this.#memory);
    this.node = h("li", {}, h("span", { class: "name" }, this.#name, this.#chip), facts);
  }

  update(worker) {
    write(this.#name, `${worker.host} · ${worker.pid}`);
    attribute(this.#name, "title", worker.name);
    const word = stateOf(worker);
    write(this.#chip, word);
    show(this.#chip, word !== "");
    write(this.#rate, measure(worker.rate));
    write(this.#queue, `${compact(worker.queue_rows)} waiting`);
    write(this.#memory, `${compact(worker.rss_mb)} MB`);
  }
}

function stateOf({ draining, healthy, models }) {
  if (draining) return "leaving";
  if (!healthy) return "ill";
  return models ? "" : "no models";
}

export class Workers {
  #root;
  #list = h("ul", { class: "workers" });
  #rows = new Rows(this.#list, () => new WorkerRow());
  #note = h("span", { class: "note" });
  #none = h("p", { class: "trouble" }, "No worker is alive: requests are refused.");

  constructor(root) {
    this.#root = root;
    root.append(h("header", {}, h("h2", {}, "Workers"), this.#note), this.#list, this.#none);
  }

  /** `workers` is null where this process computes itself. */
  render({ workers = null }) {
    show(this.#root, workers !== null);
    if (workers === null) return;
    this.#rows.render(workers, (worker) => worker.name);
    write(this.#note, workers.length || "");
    show(this.#none, workers.length === 0);
  }
}
