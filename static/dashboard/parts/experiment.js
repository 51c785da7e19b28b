/** The running test of an endpoint, or how it ended, or how to start one. */

import { h, show, write, attribute } from "../dom.js";
import { count, duration, percent } from "../format.js";
import { Basis } from "./basis.js";
import { Effect } from "./effect.js";
import { Events } from "./events.js";
import { Evidence } from "./evidence.js";
import { Guards } from "./guards.js";
import { Pairs } from "./pairs.js";
import { RULES } from "./rules.js";
import { Scores } from "./scores.js";
import { Segments } from "./segments.js";
import { Tally } from "./tally.js";

const HELP = "Let two or more algorithms answer, or score the same inputs, and watch which is better. The verdict holds at every look, so you may stop whenever it convinces you.";

class Header {
  #title = h("h2");
  #link = h("a", {}, this.#title);
  #state = h("span", { class: "chip" });
  #mode = h("span", { class: "chip" });
  #health = h("span", { class: "chip" });
  #note = h("span", { class: "note" });
  node = h("header", {}, this.#link, this.#state, this.#mode, this.#health, this.#note);

  blank() {
    write(this.#title, "No test is running");
    write(this.#note, "");
    attribute(this.#link, "href", null);
    for (const chip of [this.#state, this.#mode, this.#health]) show(chip, false);
  }

  fill({ experiment, arms, health }) {
    const running = experiment.running;
    for (const chip of [this.#state, this.#mode, this.#health]) show(chip, true);
    write(this.#title, experiment.title);
    attribute(this.#link, "href", `/experiments/${experiment.id}`);
    write(this.#state, running ? "running" : "ended");
    attribute(this.#state, "data-status", running ? "running" : "retired");
    write(this.#mode, experiment.mode);
    write(this.#health, health.fine ? "healthy" : "unhealthy");
    attribute(this.#health, "data-status", health.fine ? "healthy" : "unhealthy");
    attribute(this.#health, "title", `Units fall on the arms by the weights: p = ${chance(health.split)}; so do labels: p = ${chance(health.labels)}. Below 0.001 the test promotes nobody.`);
    write(this.#note, note(experiment, arms));
  }
}

/** The buttons, each there only while it can be used. `acts` are called with the snapshot. */
class Verbs {
  #buttons;
  node = h("div", { class: "verbs" });

  constructor(acts, current) {
    const made = (words, act, grave) => h("button", { type: "button", class: grave ? "grave" : null, onclick: () => act(current()) }, words);
    this.#buttons = {
      start: made("Start a test", acts.start), reweight: made("Re-weight", acts.reweight), widen: made("Raise coverage", acts.widen),
      promote: made("Promote now", acts.promote), rollback: made("Roll back", acts.rollback, true), stop: made("Stop the test", acts.stop, true),
    };
    this.node.append(...Object.values(this.#buttons));
  }

  render(experiment, { canStart }) {
    const [running, mode] = [experiment?.running ?? false, experiment?.mode];
    const fit = {
      start: !running && canStart !== null, stop: running, reweight: running && mode === "split",
      widen: running && mode !== "canary" && experiment.coverage < 1, promote: running && mode === "canary", rollback: running && mode === "canary",
    };
    for (const [name, button] of Object.entries(this.#buttons)) show(button, fit[name]);
    this.#buttons.start.disabled = !canStart;
    attribute(this.#buttons.start, "title", canStart ? null : "A test needs two algorithms of this endpoint.");
  }
}

export class Experiment {
  #header = new Header();
  #verbs;
  #verdict = h("p", { class: "verdict" });
  #detail = h("p", { class: "detail" });
  #summary = h("p", { class: "summary" });
  #tally = new Tally();
  #evidence = new Evidence();
  #effect = new Effect();
  #parts = { pairs: new Pairs(), scores: new Scores(), guards: new Guards(), segments: new Segments(), events: new Events() };
  #basis = new Basis();
  #words = h("div", { class: "words" }, this.#verdict, this.#detail);
  #board = h("div", { class: "board" }, this.#tally.node, h("div", { class: "proof" }, this.#evidence.node, this.#effect.node));
  #more = h("div", { class: "more" }, ...Object.values(this.#parts).map((part) => part.node), this.#basis.node);
  #empty = h("div", { class: "empty" }, h("p", {}, HELP), h("p", {}, "Start one here, or type ", h("code", {}, "make traffic"), ": it starts one and sends it labelled rows."));
  #shown = null;
  #snapshot = null;
  #herald;

  /** `acts` has a function for each button; see `Verbs`. */
  constructor(root, { herald, acts }) {
    this.#herald = herald;
    this.#verbs = new Verbs(acts, () => this.#snapshot);
    this.#header.node.append(this.#verbs.node);
    root.append(this.#header.node, this.#words, this.#summary, this.#board, this.#more, this.#empty);
    this.render(null, { canStart: false });
  }

  /** `snapshot` is null while this endpoint has had no test; `canStart` is null where none can be started. */
  render(snapshot, { canStart }) {
    this.#snapshot = snapshot;
    for (const node of [this.#board, this.#words, this.#more]) show(node, Boolean(snapshot));
    show(this.#empty, !snapshot);
    this.#verbs.render(snapshot?.experiment, { canStart });
    if (snapshot) this.#fill(snapshot);
    else this.#blank();
  }

  #blank() {
    this.#header.blank();
    show(this.#summary, false);
    this.#shown = null;
  }

  #fill(snapshot) {
    const { experiment, arms, evidence, verdict, history } = snapshot;
    this.#header.fill(snapshot);
    const [first, ...rest] = verdict.sentence.split(/(?<=[.!?]) (?=[A-Z])/);
    write(this.#verdict, first);
    write(this.#detail, rest.join(" "));
    attribute(this.#verdict, "data-code", verdict.code);
    write(this.#summary, experiment.summary ?? "");
    show(this.#summary, Boolean(experiment.summary));
    this.#tally.render(arms, experiment);
    this.#evidence.render({ evidence, history, arms, experiment });
    this.#effect.render({ evidence, history, arms, experiment });
    this.#parts.pairs.render(arms, experiment);
    this.#parts.scores.render(arms, experiment);
    this.#parts.guards.render(experiment, snapshot.guardrails);
    this.#parts.segments.render(snapshot.segments, experiment, arms);
    this.#parts.events.render(snapshot.events);
    this.#basis.render(snapshot);
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

function note(experiment, arms) {
  const until = experiment.running ? Date.now() : Date.parse(experiment.ended_at);
  const elapsed = duration((until - Date.parse(experiment.started_at)) / 1000);
  const answered = experiment.mode === "shadow" ? arms.slice(0, 1) : arms;
  const sum = (field) => answered.reduce((all, arm) => all + arm[field], 0);
  const share = sum("subjects") ? `, ${percent(sum("labelled") / sum("subjects"), 0)} labelled` : "";
  const facts = `${experiment.running ? "for" : "ran for"} ${elapsed}: ${count(sum("exposures"))} predictions${share}`;
  const left = Number.isFinite(experiment.days_left) ? `; about ${days(experiment.days_left)} left` : "";
  return experiment.running ? `${facts}${left}; when stopped, ${RULES[experiment.rule] ?? experiment.rule}` : facts;
}

const days = (number) => (number < 1.5 ? duration(number * 86400) : `${Math.round(number)} days`);
