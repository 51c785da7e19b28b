/** The report of one experiment: what people show to others. */

import * as api from "../api.js";
import { h, show, write } from "../dom.js";
import { continued } from "../path.js";
import { at, experimentPage, Shell } from "../shell.js";
import { confirmPromote, confirmReweight, confirmRollBack, confirmWiden } from "../parts/changes.js";
import { confirmStart, confirmStop } from "../parts/confirmations.js";
import { Effect } from "../parts/effect.js";
import { Evidence } from "../parts/evidence.js";
import { Tally } from "../parts/tally.js";
import { Agreement } from "../report/agreement.js";
import { Basis } from "../report/basis.js";
import { Events } from "../report/events.js";
import { Headline } from "../report/headline.js";
import { Scores } from "../report/scores.js";
import { Bets, Drift, Guardrails, Operating, Segments } from "../report/tables.js";

const id = at("deck").dataset.experiment;

/** A part that draws into a panel of its own and knows nothing of the panel. */
function panel(name, title, part) {
  at(name).append(h("header", {}, h("h2", {}, title)), part.node);
  return part;
}

class Report {
  #shell = new Shell(() => this.#draw());
  #snapshot = null;
  #parts;

  constructor() {
    const tally = panel("answers", "Answers", new Tally());
    this.#parts = [
      new Headline(at("headline"), at("herald"), this.#acts()),
      { render: ({ arms, experiment }) => tally.render(arms, experiment) },
      panel("race", "The race to a decision", new Evidence(250)),
      panel("effect", "The effect, and how well it is known", new Effect(190)),
      ...[[Scores, "scores"], [Agreement, "agreement"], [Guardrails, "guardrails"], [Operating, "operating"], [Drift, "drift"], [Bets, "bets"], [Segments, "segments"], [Basis, "basis"], [Events, "events"]].map(([Part, name]) => new Part(at(name))),
    ];
  }

  /** What can be done, and when; each asks first. */
  #acts() {
    const running = (experiment) => experiment.running;
    const now = () => this.#snapshot;
    return [
      { text: "Re-weight", when: (experiment) => running(experiment) && (experiment.mode ?? "split") === "split", act: () => confirmReweight(now()) },
      { text: "Raise coverage", when: (experiment) => running(experiment) && experiment.coverage < 1, act: () => confirmWiden(now()) },
      { text: "Promote", when: () => true, act: () => confirmPromote(now(), () => undefined) },
      { text: "Roll back", when: () => true, grave: true, act: () => confirmRollBack(now(), () => undefined) },
      { text: "Stop", when: running, grave: true, act: () => confirmStop(now(), () => undefined) },
      { text: "Start another", when: (experiment) => !running(experiment), act: () => this.#startAnother() },
    ];
  }

  #startAnother() {
    const endpoint = this.#shell.operations?.endpoints.find(({ name }) => name === this.#snapshot.experiment.endpoint);
    if (endpoint) confirmStart(endpoint, (test) => location.assign(experimentPage(test.id)));
  }

  async open() {
    this.#shell.socket.subscribe(`experiment:${id}`, (snapshot) => this.#heard(snapshot));
    this.#shell.open();
    await api.testNow(id).catch((error) => write(at("missing"), `There is no experiment ${id} to show. ${error.message}`));
  }

  #heard(snapshot) {
    this.#snapshot = continued(snapshot, this.#snapshot);
    this.#shell.soon();
  }

  #draw() {
    if (!this.#snapshot) return;
    show(at("missing"), false);
    for (const name of ["headline", "answers", "race", "effect", "operating", "basis", "events"]) show(at(name), true);
    document.title = `${this.#snapshot.experiment.title} · Weir`;
    for (const part of this.#parts) part.render(this.#snapshot);
  }
}

new Report().open();
