/** The beginning of a test: who, how, by what, until when; and what follows from it for the traffic. */

import { h, show, write } from "../dom.js";
import { percent } from "../format.js";
import * as api from "../api.js";
import { Outlook } from "./outlook.js";
import { field, named, Question } from "./questions.js";
import { METRICS, metricsOf, MODES, RULES, STOPS } from "./rules.js";

const options = (words, keys = Object.keys(words)) => keys.map((value) => h("option", { value }, words[value]));

class Choice {
  constructor(algorithm, index) {
    this.algorithm = algorithm;
    this.tick = h("input", { type: "checkbox", id: `arm-${algorithm.id}` });
    this.tick.checked = index < 2;
    this.share = h("input", { type: "number", class: "weight", min: "1", max: "1000", step: "1", value: "1", "aria-label": `Weight of ${named(algorithm)}` });
    this.node = h("label", { class: "choice", for: `arm-${algorithm.id}` }, this.tick, h("span", {}, named(algorithm), " ", h("small", {}, `#${algorithm.id} · ${algorithm.status}`)), this.share);
  }

  get weight() {
    return Math.max(1, Math.round(Number(this.share.value) || 1));
  }
}

/** The fields of a start, and the request that they say. */
class Terms {
  title = h("input", { type: "text", id: "test-title", maxlength: "200" });
  mode = h("select", { id: "test-mode" }, ...options(MODES));
  metric;
  rule = h("select", { id: "test-rule" }, ...options(RULES));
  low = h("input", { type: "number", id: "test-low", step: "any", value: "0" });
  high = h("input", { type: "number", id: "test-high", step: "any", value: "1" });
  difference = h("input", { type: "number", id: "test-difference", step: "any", min: "0", placeholder: "any" });
  maximum = h("input", { type: "number", id: "test-maximum", step: "1", min: "1", placeholder: "none" });
  stops = Object.keys(STOPS).map((value) => h("input", { type: "checkbox", value, id: `stop-${value}` }));
  limits = h("div", { class: "pair" }, field("test-low", "Lowest", this.low), field("test-high", "Highest", this.high));

  constructor(task) {
    this.metric = h("select", { id: "test-metric" }, ...options(METRICS, metricsOf(task)));
  }

  get nodes() {
    const stops = this.stops.map((tick) => h("label", { class: "choice", for: tick.id }, tick, h("span", {}, STOPS[tick.value]), h("span", {})));
    return [
      field("test-mode", "How they meet the traffic", this.mode),
      field("test-metric", "Judged by", this.metric),
      this.limits,
      h("details", {}, h("summary", {}, "When it ends"),
        field("test-rule", "When it is stopped", this.rule),
        h("div", { class: "pair" }, field("test-difference", "Smallest difference that matters", this.difference), field("test-maximum", "Most labels", this.maximum)),
        h("fieldset", {}, h("legend", {}, "It stops by itself when"), ...stops)),
    ];
  }

  settle() {
    const metric = this.metric.value;
    show(this.limits, metric === "reward" || metric === "squared_error");
    show(this.low.parentNode, metric === "reward");
  }

  said() {
    const number = (input) => (input.value === "" ? null : Number(input.value));
    const bounded = !this.limits.hidden;
    return {
      title: this.title.value, rule: this.rule.value, mode: this.mode.value, metric: this.metric.value,
      ...(bounded ? { high: number(this.high) } : {}), ...(bounded && this.metric.value === "reward" ? { low: number(this.low) } : {}),
      difference: number(this.difference), maximum: number(this.maximum),
      stops_on: this.stops.filter((tick) => tick.checked).map((tick) => tick.value),
    };
  }
}

export function confirmStart(endpoint, task, started) {
  const choices = endpoint.algorithms.filter(({ status }) => status !== "retired").sort(productionFirst).map((algorithm, index) => new Choice(algorithm, index));
  const chosen = () => choices.filter((choice) => choice.tick.checked);
  const terms = new Terms(task);
  terms.title.value = choices.slice(0, 2).map((choice) => choice.algorithm.name).join(" against ");
  const effect = h("p", { class: "consequence", role: "status" });
  const outlook = new Outlook(endpoint);
  const settle = () => {
    terms.settle();
    write(effect, consequence(endpoint, terms.mode.value, chosen()));
    outlook.ask({ ...terms.said(), weights: chosen().map((choice) => choice.weight) });
  };
  const arms = h("fieldset", {}, h("legend", {}, "Algorithms and the weight of each"), ...choices.map((choice) => choice.node));
  const whole = h("div", { class: "terms", onchange: settle, oninput: settle }, field("test-title", "Title", terms.title), arms, ...terms.nodes);
  settle();
  new Question().ask({
    title: `Start a test on ${endpoint.name}`,
    body: [whole, effect, outlook.node],
    yes: "Start the test",
    act: async () => started(await api.startTest(order(terms, chosen()))),
  });
}

function consequence(endpoint, mode, chosen) {
  if (chosen.length < 2) return "Choose at least two algorithms.";
  const [first, ...others] = chosen.map((choice) => named(choice.algorithm));
  const traffic = `default traffic of ${endpoint.name}`;
  if (mode === "shadow") return `${first} goes on answering all ${traffic}. Each input is also given to ${others.join(", ")} after it was answered; nobody sees what they say, and they are left out under load.`;
  if (mode === "canary") return `${others.join(", ")} gets 1 % of the ${traffic}, then 5, 10, 25 and 50 %, while its guardrails hold; when one is crossed ${first} answers everything again within a second. After the last step it is promoted.`;
  const total = chosen.reduce((sum, choice) => sum + choice.weight, 0);
  const shares = chosen.map((choice) => `${named(choice.algorithm)} gets ${percent(choice.weight / total, 0)}`);
  const later = mode === "bandit" ? " The shares follow what the labels say, at least 1 % for each." : "";
  return `From the next request on, ${traffic} is split: ${shares.join(", ")}.${later} The same subject always gets the same algorithm. Nobody is refused.`;
}

const productionFirst = (a, b) => Number(b.status === "production") - Number(a.status === "production") || a.id - b.id;

function order(terms, chosen) {
  if (chosen.length < 2) throw new Error("Choose at least two algorithms.");
  return { ...terms.said(), created_by: "dashboard", arms: chosen.map((choice) => ({ algorithm: choice.algorithm.id, weight: choice.weight })) };
}
