/** The arms of a test, each with the bar of its answers: right, wrong, and not yet labelled. */

import { h, place, write, attribute, show, Rows } from "../dom.js";
import { compact, count, figure, milliseconds, percent } from "../format.js";
import { graded } from "./rules.js";

const KINDS = ["pending", "wrong", "right"];
const LAMP_MS = 120;

class ArmRow {
  #lamp = h("span", { class: "lamp", "aria-hidden": "true" });
  #name = h("strong");
  #version = h("small");
  #share = h("small", { class: "share" });
  #errors = h("small", { "data-alarm": true });
  #score = h("b");
  #scoreOf = h("small");
  #layers = Object.fromEntries(KINDS.map((kind) => [kind, h("i", { class: kind })]));
  #bar = h("div", { class: "bar", role: "img" }, ...KINDS.map((kind) => this.#layers[kind]));
  #counts = Object.fromEntries(["right", "wrong", "labelled", "pending", "chance", "latency"].map((key) => [key, h("dd")]));
  #cells = {};
  #seen = -1;

  constructor() {
    const words = { right: "right", wrong: "wrong", labelled: "labelled", pending: "pending", chance: "chance to be best", latency: "ms p50 · p99" };
    for (const [key, cell] of Object.entries(this.#counts)) this.#cells[key] = h("div", { class: key }, h("dt", {}, words[key]), cell);
    this.node = h(
      "li",
      { class: "arm" },
      h("div", { class: "head" }, this.#lamp, this.#name, this.#version, this.#share, this.#errors),
      h("div", { class: "score" }, this.#score, this.#scoreOf),
      this.#bar,
      h("dl", { class: "counts" }, ...Object.values(this.#cells)),
    );
  }

  update({ arm, share, longest, experiment }) {
    const right = graded(experiment);
    write(this.#name, arm.name);
    write(this.#version, arm.version);
    write(this.#share, share === null ? "in the shadow" : percent(share, 0));
    this.#grade(arm, experiment);
    this.#count(arm, right);
    this.#stretch(arm, longest, right);
    this.#blink(arm.exposures + arm.labelled);
  }

  #grade(arm, experiment) {
    write(this.#score, figure(arm, experiment));
    write(this.#scoreOf, `${experiment.metric === "correctness" ? "right" : experiment.figure} of ${compact(arm.labelled)}`);
  }

  #count(arm, right) {
    const numbers = { ...answers(arm), labelled: arm.labelled };
    for (const [key, value] of Object.entries(numbers)) write(this.#counts[key], count(value));
    write(this.#counts.latency, `${milliseconds(arm.latency_ms?.p50)} · ${milliseconds(arm.latency_ms?.p99)}`);
    write(this.#counts.chance, percent(arm.chance_to_win, 0));
    attribute(this.#cells.chance, "title", "A bet to read, not to decide by: unlike the evidence it is not protected against looking until it pleases.");
    show(this.#cells.chance, right && arm.chance_to_win !== null);
    write(this.#errors, arm.errors ? `${count(arm.errors)} failed` : "");
    show(this.#cells.right, right);
    show(this.#cells.wrong, right);
    show(this.#cells.labelled, !right);
  }

  /** Layers lie over one another, the longest below, so that one property moves each and none is squeezed. */
  #stretch(arm, longest, bars) {
    const { right, wrong, pending } = answers(arm);
    const ends = { right: bars ? right : arm.labelled, wrong: right + wrong, pending: right + wrong + pending };
    for (const kind of KINDS) place(this.#layers[kind], "--end", (ends[kind] / longest).toFixed(5));
    const spoken = bars ? `${right} right, ${wrong} wrong, ${pending} pending` : `${arm.labelled} labelled, ${pending} pending`;
    attribute(this.#bar, "aria-label", `${arm.name} ${arm.version}: ${spoken}`);
  }

  #blink(seen) {
    if (this.#seen >= 0 && seen !== this.#seen) {
      attribute(this.#lamp, "data-lit", "");
      setTimeout(() => attribute(this.#lamp, "data-lit", null), LAMP_MS);
    }
    this.#seen = seen;
  }
}

/** Of units: a subject who asks often has one label that counts. */
function answers(arm) {
  const right = arm.correct ?? 0;
  return { right, wrong: arm.labelled - right, pending: Math.max(0, arm.subjects - arm.errors - arm.labelled) };
}

/** In the shadow the first answers everything; the others are only asked. */
function shareOf(arm, weights, { mode }) {
  if (mode !== "shadow") return arm.weight / weights;
  return arm.position === 1 ? 1 : null;
}

export class Tally {
  #list = h("ol", { class: "arms" });
  #rows = new Rows(this.#list, () => new ArmRow());
  #legend = h("p", { class: "legend" }, ...["right", "wrong", "pending"].map((kind) => h("span", { class: kind }, kind === "pending" ? "no label yet" : kind)));
  node = h("div", { class: "tally" }, this.#list, this.#legend);

  /** Answers are right or wrong, or they are only more or less off. */
  render(given, experiment) {
    const arms = experiment.mode === "shadow" ? given.map((arm) => ({ ...arm, subjects: arm.exposures })) : given;
    const weights = arms.reduce((sum, arm) => sum + arm.weight, 0);
    const longest = Math.max(1, ...arms.map((arm) => arm.subjects - arm.errors));
    this.#rows.render(arms.map((arm) => ({ arm, share: shareOf(arm, weights, experiment), longest, experiment })), (item) => item.arm.arm);
    attribute(this.node, "data-graded", graded(experiment) ? "" : null);
  }
}

