/** What the verdict rests on, one click away. */

import { h, write, Rows } from "../dom.js";
import { count, odds, percent } from "../format.js";
import { metricName } from "../measures.js";

class Ground {
  #name = h("dt");
  #value = h("b");
  #sentence = h("span");
  node = h("div", {}, this.#name, h("dd", {}, this.#value, " ", this.#sentence));

  update({ name, value, sentence }) {
    write(this.#name, name);
    write(this.#value, value ?? "");
    write(this.#sentence, sentence);
  }
}

export class Basis {
  #list = h("dl");
  #rows = new Rows(this.#list, () => new Ground());

  constructor(root) {
    root.append(h("details", {}, h("summary", {}, "What this rests on"), this.#list));
  }

  render(snapshot) {
    this.#rows.render(snapshot.verdict.rests_on ?? own(snapshot), ({ name }) => name);
  }
}

function own({ experiment, arms, evidence, health }) {
  const labels = arms.map((arm) => `${arm.name} ${count(arm.labelled)}`).join(", ");
  return [
    { name: "Metric", value: metricName(experiment), sentence: "fixed when the test began." },
    { name: "Labels", value: labels, sentence: "one for each subject and phase." },
    { name: "Evidence", value: evidence ? odds(evidence.log_e) : "not yet", sentence: `an e-value: however often one looks, it passes ${odds(evidence?.threshold ?? Math.log((arms.length - 1) / experiment.alpha))} by luck in at most ${percent(experiment.alpha, 0)} of tests without a difference.` },
    { name: "Split", value: `p = ${short(health.split)}`, sentence: "that subjects fall on the arms by the weights; below 0.001 nobody is promoted." },
    { name: "Label coverage", value: `p = ${short(health.labels)}`, sentence: "that labels arrive equally often for all arms." },
    { name: "Tuned for", value: count(experiment.horizon), sentence: "labels: the width of the intervals is smallest there; they hold everywhere." },
  ];
}

const short = (p) => (p < 0.0001 ? "less than 0.0001" : Number(p).toPrecision(2));
