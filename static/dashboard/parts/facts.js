/** The numbers of a test in one line, each with what it means. */

import { h, show, write, attribute, Rows } from "../dom.js";
import { count, duration, odds, percent } from "../format.js";
import { MODES, RULES } from "./rules.js";

class Fact {
  #name = h("dt");
  #value = h("dd");
  node = h("div", {}, this.#name, this.#value);

  update({ key, name, value, meaning }) {
    attribute(this.node, "class", key);
    attribute(this.node, "title", meaning);
    write(this.#name, name);
    write(this.#value, value);
  }
}

export class Facts {
  node = h("dl", { class: "facts" });
  #rows = new Rows(this.node, () => new Fact());

  render(snapshot) {
    const known = facts(snapshot).filter(({ value }) => value !== null);
    show(this.node, known.length > 0);
    this.#rows.render(known, ({ key }) => key);
  }
}

function facts({ experiment, arms, evidence }) {
  const answered = experiment.mode === "shadow" ? arms.slice(0, 1) : arms;
  const sum = (field) => answered.reduce((all, arm) => all + arm[field], 0);
  const [labelled, subjects] = [sum("labelled"), sum("subjects")];
  return [
    { key: "mode", name: "mode", value: capital(experiment.mode), meaning: MODES[experiment.mode] },
    { key: "elapsed", name: experiment.running ? "running for" : "ran for", value: duration(elapsed(experiment)), meaning: `when stopped, ${RULES[experiment.rule] ?? experiment.rule}` },
    { key: "exposures", name: "exposures", value: count(sum("exposures")), meaning: `of ${count(subjects)} subjects` },
    { key: "share", name: "labelled", value: subjects ? percent(labelled / subjects, 0) : "none yet", meaning: `${count(labelled)} of ${count(subjects)} subjects` },
    { key: "odds", name: "evidence", value: evidence ? odds(evidence.log_e) : "not yet", meaning: "odds against “no difference”" },
    { key: "left", name: "left", value: left(experiment), meaning: "at the present rate of labels" },
    { key: "taking", name: "take part", value: experiment.coverage < 1 ? percent(experiment.coverage, 0) : null, meaning: "share of the subjects" },
    { key: "phase", name: "phase", value: experiment.phase > 1 ? count(experiment.phase) : null, meaning: "Each change of weights begins one, which is judged on its own." },
  ];
}

export function elapsed({ running, started_at: from, ended_at: to }) {
  return ((running ? Date.now() : Date.parse(to)) - Date.parse(from)) / 1000;
}

function left({ running, days_left: days }) {
  if (!running || !days) return null;
  return days < 1.5 ? duration(days * 86400) : `${Math.round(days)} days`;
}

const capital = (text) => (text ?? "").charAt(0).toUpperCase() + (text ?? "").slice(1);
