/** The top of the report: what may be concluded, whether the test is well, and its numbers in one line. */

import { h, show, write, attribute, Rows } from "../dom.js";
import { compact, count, duration, odds, percent } from "../format.js";
import { MODES } from "../measures.js";
import { endpointPage } from "../shell.js";

class Fact {
  #value = h("dd");
  #name = h("dt");
  node = h("div", {}, this.#name, this.#value);

  update([name, value, title]) {
    write(this.#name, name);
    write(this.#value, value);
    attribute(this.node, "title", title);
  }
}

export class Headline {
  #endpoint = h("a");
  #state = h("span", { class: "chip" });
  #light = h("span", { class: "light" });
  #title = h("h2");
  #verdict = h("p", { class: "verdict" });
  #detail = h("p", { class: "detail" });
  #summary = h("p", { class: "summary" });
  #facts = h("dl", { class: "facts" });
  #rows = new Rows(this.#facts, () => new Fact());
  #actions;
  #buttons;
  #shown = null;
  #herald;

  constructor(root, herald, acts) {
    this.#herald = herald;
    this.#buttons = acts.map(({ text, grave, when, act }) => ({ when, node: h("button", { type: "button", class: grave ? "grave" : null, onclick: act }, text) }));
    this.#actions = h("div", { class: "actions" }, ...this.#buttons.map(({ node }) => node));
    const crumbs = h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "/experiments" }, "Experiments"), h("span", { "aria-hidden": "true" }, "/"), this.#endpoint);
    const lights = h("p", { class: "lights" }, this.#light, this.#state);
    root.append(h("div", { class: "top" }, crumbs, lights, this.#actions), this.#title, this.#verdict, this.#detail, this.#summary, this.#facts);
  }

  render(snapshot) {
    const { experiment, verdict, health } = snapshot;
    write(this.#endpoint, experiment.endpoint);
    attribute(this.#endpoint, "href", endpointPage(experiment.endpoint));
    write(this.#title, experiment.title);
    write(this.#state, experiment.running ? "running" : "ended");
    attribute(this.#state, "data-status", experiment.running ? "running" : "retired");
    this.#lightUp(health);
    const [first, ...rest] = verdict.sentence.split(/(?<=[.!?]) (?=[A-Z])/);
    write(this.#verdict, first);
    attribute(this.#verdict, "data-code", verdict.code);
    write(this.#detail, rest.join(" "));
    write(this.#summary, experiment.summary ?? "");
    show(this.#summary, Boolean(experiment.summary));
    this.#rows.render(facts(snapshot), ([name]) => name);
    for (const { node, when } of this.#buttons) show(node, when(experiment));
    this.#announce(experiment, verdict);
  }

  #lightUp(health) {
    write(this.#light, health.fine ? "Healthy" : "Unhealthy");
    attribute(this.#light, "data-fine", health.fine ? "" : null);
    attribute(this.#light, "title", `Units fall on the arms by the weights: p = ${health.split}; so do labels: p = ${health.labels}. Below 0.001 the test promotes nobody.`);
  }

  /** Numbers change ten times a second; a screen reader hears of a test only when its verdict turns. */
  #announce(experiment, verdict) {
    const now = `${verdict.code} ${experiment.running}`;
    if (this.#shown !== null && this.#shown !== now) write(this.#herald, `${experiment.title}: ${verdict.sentence}`);
    this.#shown = now;
  }
}

function facts({ experiment, arms, evidence }) {
  const sum = (field) => arms.reduce((all, arm) => all + arm[field], 0);
  const [mode, meaning] = MODES[experiment.mode ?? "split"] ?? [experiment.mode, ""];
  const until = experiment.running ? Date.now() : Date.parse(experiment.ended_at);
  const [labelled, subjects] = [sum("labelled"), sum("subjects")];
  return [
    ["mode", mode, meaning],
    [experiment.running ? "running for" : "ran for", duration((until - Date.parse(experiment.started_at)) / 1000), `since ${experiment.started_at}`],
    ["exposures", count(sum("exposures")), `${count(subjects)} subjects`],
    ["labelled", subjects ? percent(labelled / subjects, 0) : "–", `${count(labelled)} of ${count(subjects)} subjects have a label`],
    ["evidence", evidence ? odds(evidence.log_e) : "not yet", "odds against “no difference”"],
    ...(experiment.coverage < 1 ? [["coverage", percent(experiment.coverage, 0), "share of subjects that take part"]] : []),
    ...(experiment.phase > 1 ? [["phase", count(experiment.phase), "each re-weight begins a phase, judged on its own"]] : []),
    ...(typeof experiment.days_left === "number" ? [["days left", daysLeft(experiment.days_left), "at the present rate of labels"]] : []),
    ...(experiment.canary ? [["step", `${percent(experiment.canary.steps[experiment.canary.step] / 100, 0)}`, `steps: ${experiment.canary.steps.join(", ")} %`]] : []),
  ];
}

const daysLeft = (days) => (days < 1 ? duration(days * 86400) : compact(Math.round(days * 10) / 10));
