/** What the service does and how it feels: queues, batches, workers, refusals. */

import { h, show, write } from "../dom.js";
import { compact, count, duration, measure, milliseconds } from "../format.js";
import { Workers } from "../parts/workers.js";
import { Table } from "../report/table.js";
import { at, Shell } from "../shell.js";

const number = (name) => ({ name, number: true });
const FIGURES = [number("Served"), number("per s"), number("Rows a batch"), number("p50 ms"), number("p95 ms"), number("p99 ms"), number("Failed"), number("Refused")];

const figures = ({ predictions, rate, batch_rows: batch, latency_ms: latency, errors, refused }) => [
  count(predictions), measure(rate), measure(batch), milliseconds(latency?.p50), milliseconds(latency?.p95), milliseconds(latency?.p99), count(errors), count(refused),
];

class Totals {
  #cells = new Map();

  constructor(root) {
    const facts = h("dl", { class: "facts" });
    for (const name of ["predictions/s", "waiting rows", "served", "failed", "refused", "sockets", "MB resident", "up"]) {
      this.#cells.set(name, h("dd"));
      facts.append(h("div", {}, h("dt", {}, name), this.#cells.get(name)));
    }
    root.append(h("header", {}, h("h2", {}, "Operations"), h("span", { class: "note" }, "this process, now")), facts);
  }

  render(operations) {
    const sum = (field) => operations.endpoints.reduce((all, endpoint) => all + (endpoint[field] ?? 0), 0);
    const values = [measure(sum("rate")), count(sum("queue_rows")), compact(sum("predictions")), count(sum("errors")), count(sum("refused")), count(operations.sockets), compact(operations.rss_mb), duration(operations.uptime_s)];
    [...this.#cells.values()].forEach((cell, index) => write(cell, values[index]));
  }
}

class Operations {
  #shell = new Shell(() => this.#draw());
  #totals = new Totals(at("totals"));
  #queues = new Table(at("queues"), "Endpoints", [{ name: "Endpoint", head: true }, number("Waiting"), ...FIGURES], "counts since the server started, the rest of the last seconds");
  #algorithms = new Table(at("algorithms"), "Algorithms", [{ name: "Algorithm", head: true }, { name: "Endpoint" }, { name: "Status" }, { name: "Runtime" }, ...FIGURES]);
  #alone = h("p", { class: "panel note" }, "This process computes itself; there are no workers beside it.");
  #workers = new Workers(at("workers"));

  constructor() {
    at("workers").after(this.#alone);
    for (const node of [at("workers"), at("queues"), at("algorithms"), this.#alone]) show(node, false);
  }

  open() {
    this.#shell.open();
  }

  #draw() {
    const { operations } = this.#shell;
    if (!operations) return;
    this.#totals.render(operations);
    this.#queues.render(operations.endpoints.map((each) => ({ key: each.id, values: [each.name, count(each.queue_rows), ...figures(each)], alarms: troubled(each, 8) })));
    this.#algorithms.render(operations.endpoints.flatMap((endpoint) => endpoint.algorithms.map((each) => ({ key: each.id, values: [`${each.name} ${each.version} · #${each.id}`, endpoint.name, each.failure || each.status, each.runtime, ...figures(each)], alarms: [...(each.failure ? [2] : []), ...troubled(each, 10)] }))));
    this.#workers.render(operations);
    show(this.#alone, (operations.workers ?? null) === null);
  }
}

/** The cells of failures and refusals that are not nought. */
function troubled({ errors, refused }, failed) {
  return [...(errors ? [failed] : []), ...(refused ? [failed + 1] : [])];
}

new Operations().open();
