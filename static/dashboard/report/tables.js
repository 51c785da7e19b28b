/** The tables of the report: operations, bets, guardrails, segments; each hidden where it has nothing to say. */

import { count, measure, milliseconds, odds, percent } from "../format.js";
import { named, scoreText } from "../measures.js";
import { Table } from "./table.js";

const number = (name) => ({ name, number: true });
const arm = { name: "Arm", head: true };

export class Operating {
  #table;

  constructor(root) {
    this.#table = new Table(root, "Operations by arm", [arm, number("Answered"), number("Failed"), number("p50 ms"), number("p95 ms"), number("p99 ms")], "latency of the predictions of this test");
  }

  render({ arms }) {
    this.#table.render(arms.map((each) => ({ key: each.arm, values: [named(each), count(each.exposures), count(each.errors), ...["p50", "p95", "p99"].map((rank) => milliseconds(each.latency_ms?.[rank]))], alarms: each.errors ? [2] : [] })));
  }
}

export class Bets {
  #table;

  constructor(root) {
    this.#table = new Table(root, "Chances", [arm, number("Chance to win"), number("Expected loss")], "not protected against looking: to read, never to decide by");
  }

  render({ arms }) {
    const known = arms.filter(({ chance_to_win: chance }) => (chance ?? null) !== null);
    this.#table.render(known.map((each) => ({ key: each.arm, values: [named(each), percent(each.chance_to_win), percent(each.expected_loss, 2)] })));
  }
}

const STATES = { holds: "holds", crossed: "crossed: roll back", no_data: "no data yet" };

export class Guardrails {
  #table;

  constructor(root) {
    this.#table = new Table(root, "Guardrails", [{ name: "Guardrail", head: true }, { name: "Arm" }, { name: "State" }, number("Evidence"), number("Crossed at"), { name: "What it says" }], "tested at every look; a crossing takes the newcomer back");
  }

  render({ guardrails, arms }) {
    const names = new Map(arms.map((each) => [each.arm, named(each)]));
    this.#table.render((guardrails ?? []).map((each) => ({ key: `${each.name} ${each.arm}`, values: [each.name, names.get(each.arm) ?? each.arm ?? "", STATES[each.state] ?? each.state, odds(each.log_e), odds(each.threshold), each.sentence ?? ""], alarms: each.state === "crossed" ? [2] : [] })));
  }
}

export class Segments {
  #table;

  constructor(root) {
    this.#table = new Table(root, "Segments", [{ name: "Segment", head: true }, { name: "Arms" }, number("Labelled"), number("Evidence"), { name: "Verdict" }], "corrected for their number");
  }

  render({ segments, arms, experiment }) {
    const names = new Map(arms.map((each) => [each.arm, each.name]));
    this.#table.render((segments ?? []).map((each) => ({ key: each.segment, values: [each.segment || "(none)", standing(each, names, experiment), count(each.arms.reduce((sum, { labelled }) => sum + labelled, 0)), odds(each.evidence?.log_e), each.verdict ?? ""] })));
  }
}

const standing = ({ arms }, names, experiment) => arms.map(({ arm: id, score }) => `${names.get(id) ?? id} ${scoreText(score, experiment)}`).join(" · ");

export class Drift {
  #table;

  constructor(root) {
    this.#table = new Table(root, "Drift", [arm, { name: "Feature" }, number("Distance")], "inputs beside those of training");
  }

  /** Only where the server measures it. */
  render({ arms }) {
    const rows = arms.flatMap((each) => Object.entries(each.drift ?? {}).map(([feature, distance]) => ({ key: `${each.arm} ${feature}`, values: [named(each), feature, measure(distance)] })));
    this.#table.render(rows);
  }
}
