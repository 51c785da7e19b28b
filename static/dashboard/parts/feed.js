/** The latest answers of the chosen endpoint, newest first, slow enough to be read. */

import { h, write, attribute, show } from "../dom.js";
import { clock, measure, milliseconds, percent } from "../format.js";

const ROWS = 14;
const CALM_MS = 400;

class FeedRow {
  #cells = ["at", "label", "sure", "who", "took"].map((name) => h("span", { class: name }));
  node = h("li", {}, ...this.#cells);

  update(result, classes) {
    attribute(this.node, "data-empty", result ? null : "");
    const [at, label, sure, who, took] = this.#cells;
    write(at, result ? clock(result.at) : "");
    write(label, result ? shown(result.label, classes) : "");
    write(sure, result ? certainty(result, classes) : "");
    write(who, result ? `#${result.algorithm}` : "");
    write(took, result ? `${milliseconds(result.latency_ms)} ms` : "");
    attribute(this.node, "title", result ? `request ${result.request_id}, algorithm #${result.algorithm} ${result.version}` : null);
  }
}

/** How sure the model was of its label; of two classes the server names the second one's probability. */
function certainty({ label, probability }, classes) {
  if (probability === null || probability === undefined) return "";
  return percent(classes?.length === 2 && label === classes[0] ? 1 - probability : probability, 0);
}

/** A quantity in as many digits as one can take in; the name of a class as it is. */
function shown(label, classes) {
  return classes?.length || !Number.isFinite(Number(label)) ? label : measure(Number(label));
}

export class Feed {
  #classes = null;
  #rows = Array.from({ length: ROWS }, () => new FeedRow());
  #list = h("ol", {}, ...this.#rows.map((row) => row.node));
  #pause = h("button", { type: "button", class: "quiet push", "aria-pressed": "false", onclick: () => this.#toggle() }, "Pause");
  #empty = h("p", { class: "empty small" }, "Answers will run past here, whoever asked: REST, WebSocket, or the form above.");
  #paused = false;
  #held = false;
  #drawn = 0;
  #latest = [];
  #late = 0;

  constructor(root) {
    root.append(h("header", {}, h("h2", {}, "Live results"), this.#pause), this.#empty, this.#list);
    // Nobody can read, select or click a row that runs away.
    this.#list.addEventListener("pointerenter", () => (this.#held = true));
    this.#list.addEventListener("pointerleave", () => { this.#held = false; this.#soon(); });
    this.#draw();
  }

  render(results) {
    this.#latest = results;
    this.#soon();
  }

  /** For another endpoint; `classes` is null while they are not known. */
  change(classes) {
    this.#classes = classes;
    this.#draw();
  }

  clear() {
    this.#latest = [];
    this.#draw();
  }

  #soon() {
    clearTimeout(this.#late);
    if (this.#paused || this.#held) return;
    const wait = this.#drawn + CALM_MS - performance.now();
    if (wait <= 0) this.#draw();
    else this.#late = setTimeout(() => this.#draw(), wait);
  }

  #draw() {
    this.#drawn = performance.now();
    show(this.#empty, this.#latest.length === 0);
    show(this.#list, this.#latest.length > 0);
    this.#rows.forEach((row, index) => row.update(this.#latest[index] ?? null, this.#classes));
  }

  #toggle() {
    this.#paused = !this.#paused;
    attribute(this.#pause, "aria-pressed", String(this.#paused));
    write(this.#pause, this.#paused ? "Go on" : "Pause");
    this.#soon();
  }
}
