/** The running test of the chosen endpoint, or how it ended, or how to start one. */

import { h, show, write, attribute } from "../dom.js";
import { duration } from "../format.js";
import { experimentPage } from "../shell.js";
import { Effect } from "./effect.js";
import { Evidence } from "./evidence.js";
import { Tally } from "./tally.js";

export const RULES = {
  accuracy: "the more accurate algorithm goes to production",
  evidence: "only a proven winner goes to production",
  none: "nobody is promoted",
};

export class Experiment {
  #link = h("a");
  #title = h("h2", {}, this.#link);
  #note = h("span", { class: "note" });
  #stop = h("button", { type: "button", class: "grave push" }, "Stop the test");
  #start = h("button", { type: "button", class: "push" }, "Start a test");
  #state = h("span", { class: "chip" });
  #health = h("span", { class: "chip" });
  #verdict = h("p", { class: "verdict" });
  #detail = h("p", { class: "detail" });
  #summary = h("p", { class: "summary" });
  #tally = new Tally();
  #evidence = new Evidence();
  #effect = new Effect();
  #words = h("div", { class: "words" }, this.#verdict, this.#detail);
  #board = h("div", { class: "board" }, this.#tally.node, h("div", { class: "proof" }, this.#evidence.node, this.#effect.node));
  #empty = h(
    "div",
    { class: "empty" },
    h("p", {}, "Split the traffic between two or more algorithms and watch which is right more often. The verdict holds at every look, so you may stop whenever it convinces you."),
    h("p", {}, "Start one here, or type ", h("code", {}, "make traffic"), ": it starts one and sends it labelled rows."),
  );
  #shown = null;
  #herald;

  constructor(root, { herald, onStart, onStop }) {
    this.#herald = herald;
    this.#stop.addEventListener("click", onStop);
    this.#start.addEventListener("click", onStart);
    root.append(
      h("header", {}, this.#title, this.#state, this.#health, this.#note, this.#start, this.#stop),
      this.#words, this.#summary, this.#board, this.#empty,
    );
    this.render(null, { canStart: false });
  }

  /** `snapshot` is null while this endpoint has had no test. */
  render(snapshot, { canStart }) {
    const running = snapshot?.experiment.running ?? false;
    for (const [node, visible] of [[this.#board, snapshot], [this.#words, snapshot], [this.#state, snapshot], [this.#health, snapshot], [this.#empty, !snapshot]]) show(node, Boolean(visible));
    show(this.#stop, running);
    show(this.#start, !running);
    this.#start.disabled = !canStart;
    attribute(this.#start, "title", canStart ? null : "A test needs two algorithms of this endpoint.");
    if (snapshot) this.#fill(snapshot, running);
    else this.#blank();
  }

  #blank() {
    write(this.#link, "No test is running");
    attribute(this.#link, "href", null);
    write(this.#note, "");
    show(this.#summary, false);
    this.#shown = null;
  }

  #fill({ experiment, arms, evidence, verdict, history, health }, running) {
    write(this.#link, experiment.title);
    attribute(this.#link, "href", experimentPage(experiment.id));
    write(this.#state, running ? "running" : "ended");
    attribute(this.#state, "data-status", running ? "running" : "retired");
    write(this.#health, health.fine ? "healthy" : "unhealthy");
    attribute(this.#health, "data-status", health.fine ? "healthy" : "unhealthy");
    attribute(this.#health, "title", `Units fall on the arms by the weights: p = ${chance(health.split)}; so do labels: p = ${chance(health.labels)}. Below 0.001 the test promotes nobody.`);
    write(this.#note, note(experiment, running));
    const [first, ...rest] = verdict.sentence.split(/(?<=[.!?]) (?=[A-Z])/);
    write(this.#verdict, first);
    write(this.#detail, rest.join(" "));
    attribute(this.#verdict, "data-code", verdict.code);
    write(this.#summary, experiment.summary ?? "");
    show(this.#summary, Boolean(experiment.summary));
    this.#tally.render(arms, experiment);
    this.#evidence.render({ evidence, history, arms, experiment });
    this.#effect.render({ evidence, history, arms, experiment });
    this.#announce(experiment, verdict);
  }

  /** Numbers change ten times a second; a screen reader hears of a test only when its verdict turns. */
  #announce(experiment, verdict) {
    const now = `${experiment.id} ${verdict.code} ${experiment.running}`;
    if (this.#shown !== null && this.#shown !== now) write(this.#herald, `${experiment.title}: ${verdict.sentence}`);
    this.#shown = now;
  }
}

function chance(p) {
  return p < 0.0001 ? "less than 0.0001" : p.toPrecision(2);
}

function note(experiment, running) {
  const until = running ? Date.now() : Date.parse(experiment.ended_at);
  const elapsed = duration((until - Date.parse(experiment.started_at)) / 1000);
  return running ? `for ${elapsed}; when stopped, ${RULES[experiment.rule] ?? experiment.rule}` : `ran for ${elapsed}`;
}
