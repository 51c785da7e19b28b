/** Each arm's score with the interval that holds at every look, on one scale. */

import { h, place, show, write, attribute, Rows } from "../dom.js";
import { figure, range } from "../format.js";

class Row {
  #name = h("span");
  #span = h("i", { class: "span" });
  #dot = h("i", { class: "dot" });
  #track = h("div", { class: "track", role: "img" }, this.#span, this.#dot);
  #value = h("b");
  #bounds = h("small");
  node = h("li", {}, this.#name, this.#track, this.#value, this.#bounds);

  update({ arm, experiment, scale }) {
    const bounds = range(arm.low_score, arm.high_score, experiment);
    write(this.#name, arm.name);
    write(this.#value, figure(arm, experiment));
    write(this.#bounds, bounds);
    attribute(this.#track, "aria-label", `${arm.name} ${arm.version}: ${figure(arm, experiment)}, between ${bounds}`);
    place(this.#span, "--from", scale(arm.low_score).toFixed(4));
    place(this.#span, "--to", scale(arm.high_score).toFixed(4));
    place(this.#dot, "--at", scale(arm.score).toFixed(4));
  }
}

export class Scores {
  #list = h("ol", { class: "scores" });
  #rows = new Rows(this.#list, () => new Row());
  #title = h("h3");
  node = h("section", { "aria-label": "Scores" }, this.#title, this.#list);

  render(arms, experiment) {
    const known = arms.filter((arm) => Number.isFinite(arm.low_score) && arm.score !== null);
    show(this.node, known.length > 0);
    if (!known.length) return;
    const [low, high] = [Math.min(...known.map((arm) => arm.low_score)), Math.max(...known.map((arm) => arm.high_score))];
    const scale = (value) => (high > low ? (value - low) / (high - low) : 0.5);
    const certain = `${Math.round(100 * (1 - experiment.alpha))} %`;
    write(this.#title, `${capital(experiment.figure)} of each, at ${certain} for all looks together`);
    this.#rows.render(known.map((arm) => ({ arm, experiment, scale })), ({ arm }) => arm.arm);
  }
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
