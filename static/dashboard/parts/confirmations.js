/** The questions before a test begins and before it ends; each says what will happen before it happens. */

import { h, write } from "../dom.js";
import { percent, odds } from "../format.js";
import * as api from "../api.js";
import { isGraded, MODES, named } from "../measures.js";
import { RULES } from "./experiment.js";
import { Question } from "./question.js";

export function confirmStop({ experiment, arms, evidence, verdict }, stopped) {
  const standing = arms.map((arm) => `${named(arm)}: ${arm.labelled ? percent(arm.accuracy) : "no labels yet"}`);
  const reading = evidence ? `Evidence ${odds(evidence.log_e)}, decides at ${odds(evidence.threshold)}. ${verdict.sentence}` : verdict.sentence;
  const consequences = [
    `From now on one algorithm answers all default traffic of ${experiment.endpoint}: ${RULES[experiment.rule]}, ${experiment.rule === "none" ? "everybody returns to the status before the test" : "the others return to testing"}.`,
    "The tallies stay; labels that come later are still counted. A stopped test cannot be resumed.",
  ];
  new Question().ask({
    title: `Stop “${experiment.title}”?`,
    body: [
      ...(!isGraded(experiment) ? [] : [h("p", {}, standing.join("; "), ".")]),
      h("p", {}, reading),
      h("ul", { class: "consequence grave" }, ...consequences.map((text) => h("li", {}, text))),
    ],
    yes: "Stop the test",
    grave: true,
    act: async () => stopped(await api.stopTest(experiment.id)),
  });
}

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

function consequence(endpoint, chosen, mode) {
  if (chosen.length < 2) return "Choose at least two algorithms.";
  if (mode === "shadow") return `From the next request on, ${named(chosen[0].algorithm)} answers as the champion and the others are given the same inputs. Their answers are logged and compared, and never returned.`;
  const total = chosen.reduce((sum, choice) => sum + choice.weight, 0);
  const shares = chosen.map((choice) => `${named(choice.algorithm)} gets ${percent(choice.weight / total, 0)}`);
  return `From the next request on, default traffic of ${endpoint.name} is split: ${shares.join(", ")}. The same subject always gets the same algorithm. Nobody is refused.`;
}

export function confirmStart(endpoint, started) {
  const choices = endpoint.algorithms.filter(({ status }) => status !== "retired").sort(productionFirst).map((algorithm, index) => new Choice(algorithm, index));
  const chosen = () => choices.filter((choice) => choice.tick.checked);
  const title = h("input", { type: "text", id: "test-title", maxlength: "200", value: `${choices.slice(0, 2).map((choice) => choice.algorithm.name).join(" against ")}` });
  const rule = h("select", { id: "test-rule" }, ...Object.entries(RULES).map(([value, words]) => h("option", { value }, words)));
  const mode = h("select", { id: "test-mode", onchange: () => settle() }, ...["split", "shadow"].map((value) => h("option", { value }, `${MODES[value][0]}: ${MODES[value][1]}`)));
  const effect = h("p", { class: "consequence", role: "status" });
  const settle = () => write(effect, consequence(endpoint, chosen(), mode.value));
  const arms = h("fieldset", { onchange: settle, oninput: settle }, h("legend", {}, "Algorithms and the weight of each"), ...choices.map((choice) => choice.node));
  settle();
  new Question().ask({
    title: `Start a test on ${endpoint.name}`,
    body: [h("label", { class: "field", for: "test-title" }, h("span", {}, "Title"), title), h("label", { class: "field", for: "test-mode" }, h("span", {}, "Mode"), mode), arms, h("label", { class: "field", for: "test-rule" }, h("span", {}, "When it is stopped"), rule), effect],
    yes: "Split the traffic",
    act: async () => started(await api.startTest(order(title.value, rule.value, mode.value, chosen()))),
  });
}

const productionFirst = (a, b) => Number(b.status === "production") - Number(a.status === "production") || a.id - b.id;

function order(title, rule, mode, chosen) {
  if (chosen.length < 2) throw new Error("Choose at least two algorithms.");
  return { title, created_by: "dashboard", rule, mode, arms: chosen.map((choice) => ({ algorithm: choice.algorithm.id, weight: choice.weight })) };
}
