/** The running test of an endpoint, or how it ended, or how to start one. */

import { h, show, write, attribute } from "../dom.js";
import { count, duration, percent } from "../format.js";
import { Basis } from "./basis.js";
import { Effect } from "./effect.js";
import { Events } from "./events.js";
import { Evidence } from "./evidence.js";
import { elapsed, Facts } from "./facts.js";
import { Guards } from "./guards.js";
import { Operating } from "./operating.js";
import { Pairs } from "./pairs.js";
import { RULES } from "./rules.js";
import { Scores } from "./scores.js";
import { Segments } from "./segments.js";
import { Tally } from "./tally.js";

const HELP = "Let two or more algorithms answer, or score the same inputs, and watch which is better. The verdict holds at every look, so you may stop whenever it convinces you.";

class Header {
  #whole;
  #title = h("h2");
  #link = h("a", {}, this.#title);
  #state = h("span", { class: "chip" });
  #mode = h("span", { class: "chip" });
  #health = h("span", { class: "chip health" });
  #note = h("span", { class: "note" });
  node = h("header", {}, this.#link, this.#state, this.#mode, this.#health, this.#note);

  constructor(whole) {
    this.#whole = whole;
  }

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
    write(this.#note, this.#whole ? ending(experiment) : note(experiment, arms));
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
      widen: running && mode !== "canary" && experiment.coverage < 1, promote: running, rollback: running,
    };
    for (const [name, button] of Object.entries(this.#buttons)) show(button, fit[name]);
    this.#buttons.start.disabled = !canStart;
    attribute(this.#buttons.start, "title", canStart ? null : "A test needs two algorithms of this endpoint.");
  }
}

export class Experiment {
  #header;
  #verbs;
  #verdict = h("p", { class: "verdict" });
  #detail = h("p", { class: "detail" });
  #summary = h("p", { class: "summary" });
  #tally = new Tally();
  #evidence;
  #effect;
  #parts = { pairs: new Pairs(), scores: new Scores(), guards: new Guards(), segments: new Segments(), events: new Events() };
  #basis = new Basis();
  #facts = new Facts();
  #operating = new Operating();
  #words = h("div", { class: "words" }, this.#verdict, this.#detail);
  #proof = h("div", { class: "proof" });
  #standing = h("div", { class: "standing" }, this.#tally.node);
  #board = h("div", { class: "board" }, this.#standing, this.#proof);
  #more = h("div", { class: "more" });
  #empty = h("div", { class: "empty" }, h("p", {}, HELP), h("p", {}, "Start one here, or type ", h("code", {}, "make traffic"), ": it starts one and sends it labelled rows."));
  #shown = null;
  #snapshot = null;
  #herald;

  /** `acts` has a function for each button; see `Verbs`. `whole`: on a page of its own, with all there is to say. */
  constructor(root, { herald, acts, whole = false }) {
    this.#herald = herald;
    this.#header = new Header(whole);
    [this.#evidence, this.#effect] = whole ? [new Evidence(230), new Effect(150)] : [new Evidence(), new Effect()];
    this.#proof.append(this.#evidence.node, this.#effect.node);
    this.#settle(whole);
    if (whole) root.classList.add("report");
    this.#verbs = new Verbs(acts, () => this.#snapshot);
    this.#header.node.append(this.#verbs.node);
    root.append(this.#header.node, this.#words, this.#summary, ...(whole ? [this.#facts.node] : []), this.#board, this.#more, this.#empty);
    this.render(null, { canStart: false });
  }

  /** On a page of its own there is room for the scores under the arms, and for operations. */
  #settle(whole) {
    const { pairs, scores, guards, segments, events } = this.#parts;
    if (whole) this.#standing.append(scores.node);
    const parts = whole ? [pairs, this.#operating, guards, segments, events] : [pairs, scores, guards, segments, events];
    this.#more.append(...parts.map((part) => part.node), this.#basis.node);
  }

  /** `snapshot` is null while this endpoint has had no test; `canStart` is null where none can be started. */
  render(snapshot, { canStart }) {
    this.#snapshot = snapshot;
    for (const node of [this.#board, this.#words, this.#more, this.#facts.node]) show(node, Boolean(snapshot));
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
    this.#facts.render(snapshot);
    this.#operating.render(arms);
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
  const answered = experiment.mode === "shadow" ? arms.slice(0, 1) : arms;
  const sum = (field) => answered.reduce((all, arm) => all + arm[field], 0);
  const share = sum("subjects") ? `, ${percent(sum("labelled") / sum("subjects"), 0)} labelled` : "";
  const facts = `${experiment.running ? "for" : "ran for"} ${duration(elapsed(experiment))}: ${count(sum("exposures"))} predictions${share}`;
  return experiment.running ? `${facts}; ${ending(experiment)}` : facts;
}

const ending = ({ running, rule }) => (running ? `when stopped, ${RULES[rule] ?? rule}` : "");
