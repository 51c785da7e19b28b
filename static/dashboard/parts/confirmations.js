/** The end of a test, and what may be done to it meanwhile; each says what will happen before it happens. */

import { h, write } from "../dom.js";
import { figure, odds, percent } from "../format.js";
import * as api from "../api.js";
import { consequences, field, named, Question } from "./questions.js";
import { RULES } from "./rules.js";

const OTHERS = {
  none: "everybody returns to the status before the test",
  accuracy: "the others return to testing",
  evidence: "whoever is proven to be worse is rejected, and without a proof everybody returns to the status before the test",
};

export function confirmStop({ experiment, arms, evidence, verdict, health }, stopped) {
  const standing = arms.map((arm) => `${named(arm)}: ${arm.labelled ? figure(arm, experiment) : "no labels yet"}`);
  const reading = evidence ? `Evidence ${odds(evidence.log_e)}, decides at ${odds(evidence.threshold)}. ${verdict.sentence}` : verdict.sentence;
  new Question().ask({
    title: `Stop “${experiment.title}”?`,
    body: [
      h("p", {}, standing.join("; "), "."),
      h("p", {}, reading),
      consequences([
        health.fine
          ? `From now on one algorithm answers all default traffic of ${experiment.endpoint}: ${RULES[experiment.rule]}, ${OTHERS[experiment.rule]}.`
          : "The test is unhealthy, so nobody is promoted: everybody returns to the status before the test.",
        "The tallies stay; labels that come later are still counted. A stopped test cannot be resumed.",
      ], true),
    ],
    yes: "Stop the test",
    grave: true,
    act: async () => stopped(await api.stopTest(experiment.id)),
  });
}

export function confirmReweight({ experiment, arms }) {
  const inputs = arms.map((arm) => h("input", { type: "number", class: "weight", min: "1", max: "1000000", step: "1", value: String(arm.weight), "aria-label": `Weight of ${named(arm)}` }));
  const weights = () => inputs.map((input) => Math.max(1, Math.round(Number(input.value) || 1)));
  const effect = h("p", { class: "consequence", role: "status" });
  const settle = () => write(effect, dealt(arms, weights()));
  const rows = arms.map((arm, index) => h("label", { class: "choice" }, h("span", {}), h("span", {}, named(arm)), inputs[index]));
  settle();
  new Question().ask({
    title: "Change the weights?",
    body: [h("fieldset", { onchange: settle, oninput: settle }, h("legend", {}, "Weight of each"), ...rows), effect],
    yes: "Begin a new phase",
    act: () => api.reweight(experiment.id, weights()),
  });
}

function dealt(arms, weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = arms.map((arm, index) => `${named(arm)} ${percent(weights[index] / total, 0)}`);
  return `A new phase begins: of those who come from now on ${shares.join(", ")}. Whoever was assigned before keeps the algorithm and is counted where he was. Verdict and evidence start anew.`;
}

export function confirmWiden({ experiment }) {
  const share = h("input", { type: "number", id: "coverage", min: String(Math.ceil(100 * experiment.coverage)), max: "100", step: "1", value: "100" });
  new Question().ask({
    title: "Let more traffic take part?",
    body: [
      field("coverage", "Per cent of the subjects", share),
      consequences([`${percent(experiment.coverage, 0)} take part now. The share is only ever raised: nobody who takes part is moved, and it cannot be lowered again.`]),
    ],
    yes: "Raise it",
    act: () => api.widen(experiment.id, Number(share.value) / 100),
  });
}

/** Who was in production when the test began, at whatever place, and the others; null if nobody was. */
function sides(arms) {
  const control = arms.find(({ before }) => before === "production") ?? null;
  return [control, arms.filter((arm) => arm !== control)];
}

export function confirmRollback({ experiment, arms }) {
  const [control, challengers] = sides(arms);
  new Question().ask({
    title: challengers.length > 1 ? "Roll all challengers back?" : `Roll ${named(challengers[0])} back?`,
    body: [consequences([
      control
        ? `${named(control)} answers all default traffic of ${experiment.endpoint} from the next request on; ${challengers.map(named).join(" and ")} will be marked as rolled back.`
        : "None of them was in production before: everybody returns to the status before the test.",
      "The test ends as rolled back, which is written down with what is known now. It cannot be resumed.",
    ], true)],
    yes: challengers.length > 1 ? "Roll them back" : "Roll it back",
    grave: true,
    act: () => api.rollBack(experiment.id),
  });
}

export function confirmPromote({ experiment, arms, verdict, health }) {
  const [control, challengers] = sides(arms);
  const chosen = h("select", { id: "promoted" }, ...challengers.map((arm) => h("option", { value: String(arm.position) }, named(arm))));
  const effect = h("p", { class: "consequence grave", role: "status" });
  const settle = () => write(effect, `${named(arms[Number(chosen.value) - 1])} answers all default traffic of ${experiment.endpoint} from the next request on${experiment.mode === "canary" ? ", whatever the ramp has still before it" : ""}${control ? `; ${named(control)} returns to testing` : ""}.`);
  chosen.addEventListener("change", settle);
  settle();
  new Question().ask({
    title: challengers.length > 1 ? "Promote a challenger now?" : `Promote ${named(challengers[0])} now?`,
    body: [
      h("p", {}, verdict.sentence),
      ...(health.fine ? [] : [h("p", { class: "problem" }, "The test is unhealthy, and an unhealthy test promotes nobody.")]),
      ...(challengers.length > 1 ? [field("promoted", "Who goes to production", chosen)] : []),
      effect,
      consequences(["The test ends, which is written down with what is known now. It cannot be resumed."]),
    ],
    yes: "Promote it",
    grave: true,
    act: () => api.promote(experiment.id, Number(chosen.value)),
  });
}
