/** What the verdict rests on, one click away: the numbers, and what each of them means. */

import { h, write, Rows } from "../dom.js";
import { count, gap, odds, percent } from "../format.js";
import { METRICS, unitOf } from "./rules.js";

class Line {
  #name = h("dt");
  #value = h("b");
  #meaning = h("span");
  node = h("div", {}, this.#name, h("dd", {}, this.#value, this.#meaning));

  update({ name, value, sentence }) {
    write(this.#name, name);
    write(this.#value, value);
    write(this.#meaning, sentence);
  }
}

export class Basis {
  #list = h("dl", { class: "basis" });
  #rows = new Rows(this.#list, () => new Line());
  node = h("details", {}, h("summary", {}, "What this rests on"), this.#list);

  render(snapshot) {
    this.#rows.render(lines(snapshot), ({ name }) => name);
  }
}

function lines({ experiment, arms, evidence, health, verdict }) {
  const labelled = arms.map((arm) => count(arm.labelled)).join(" + ");
  const said = verdict.rests_on ?? [];
  return [
    { name: "Judged by", value: METRICS[experiment.metric] ?? experiment.metric, sentence: "Agreed before it started, like everything here." },
    { name: "Labels", value: labelled, sentence: experiment.minimum ? `Nothing is concluded before each arm has ${count(experiment.minimum)}.` : "One of each subject; the first to arrive." },
    ...(evidence ? proof(evidence, experiment) : []),
    { name: "Split", value: `p = ${health.split.toPrecision(2)}`, sentence: "Below 0.001 units do not fall on the arms as they were to be dealt, and nobody is promoted." },
    { name: "Labels by arm", value: `p = ${health.labels.toPrecision(2)}`, sentence: "Below 0.001 labels reach the arms unevenly, and nobody is promoted." },
    ...bets(arms),
    ...said,
  ];
}

function proof({ log_e: log, threshold, interval: [low, high], p_value: p }, experiment) {
  return [
    { name: "Evidence", value: odds(log), sentence: `Against “no difference”. It decides at ${odds(threshold)}; without a difference it ever gets there in ${percent(experiment.alpha, 0)} of all tests, however often anybody looks.` },
    { name: "p", value: p < 0.0001 ? "under 0.0001" : p.toPrecision(2), sentence: "May be read at any look." },
    { name: "Difference", value: `${gap(low, experiment)} to ${gap(high, experiment)}${unitOf(experiment).name}`, sentence: "Covers the true difference at all looks together." },
  ];
}

/** These are for reading: whoever looks until they please him is fooled. */
function bets(arms) {
  const known = arms.filter((arm) => arm.chance_to_win !== null && arm.chance_to_win !== undefined);
  if (!known.length) return [];
  const value = known.map((arm) => `${arm.name} ${percent(arm.chance_to_win, 0)}`).join(", ");
  const lost = known.map((arm) => `${arm.name} ${(100 * arm.expected_loss).toFixed(2)}`).join(", ");
  return [
    { name: "Chance to be best", value, sentence: "Not protected against looking; nothing is decided by it." },
    { name: "Expected loss", value: lost, sentence: "In points, if that arm were taken now. Not protected against looking." },
  ];
}
