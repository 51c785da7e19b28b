/** The questions before a running test changes, or before traffic goes to one algorithm for good. */

import * as api from "../api.js";
import { h, write } from "../dom.js";
import { percent } from "../format.js";
import { named } from "../measures.js";
import { Question } from "./question.js";

const consequence = (grave, ...texts) => h("ul", { class: grave ? "consequence grave" : "consequence" }, ...texts.map((text) => h("li", {}, text)));

export function confirmReweight({ experiment, arms }) {
  const inputs = arms.map((arm) => h("input", { type: "number", class: "weight", id: `weight-${arm.arm}`, min: "1", max: "1000", step: "1", value: arm.weight }));
  const rows = arms.map((arm, index) => h("label", { class: "choice weighing", for: `weight-${arm.arm}` }, h("span", {}, named(arm)), inputs[index]));
  const weights = () => inputs.map((input) => Math.max(1, Math.round(Number(input.value) || 1)));
  const shares = h("li");
  const settle = () => write(shares, `Newcomers are dealt anew: ${sharesOf(arms, weights())}. Whoever was assigned before keeps his arm.`);
  const list = consequence(false, "A new phase begins and is judged on its own: evidence starts again from nothing.");
  list.prepend(shares);
  settle();
  new Question().ask({
    title: `Re-weight “${experiment.title}”?`,
    body: [h("fieldset", { oninput: settle }, h("legend", {}, "Weights"), ...rows), list],
    yes: "Begin a new phase",
    act: () => api.reweight(experiment.id, weights()),
  });
}

function sharesOf(arms, weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return arms.map((arm, index) => `${named(arm)} gets ${percent(weights[index] / total, 0)}`).join(", ");
}

export function confirmWiden({ experiment }) {
  const now = Math.round(experiment.coverage * 100);
  const wanted = h("input", { type: "number", id: "coverage", min: String(now), max: "100", step: "1", value: "100" });
  new Question().ask({
    title: `Raise the coverage of “${experiment.title}”?`,
    body: [
      h("label", { class: "field", for: "coverage" }, h("span", {}, `Per cent of subjects that take part; now ${now}`), wanted),
      consequence(false, "More subjects take part from the next request on. Nobody who takes part already changes arms.", "Coverage can be raised, never lowered."),
    ],
    yes: "Raise it",
    act: () => api.widen(experiment.id, Number(wanted.value) / 100),
  });
}

/** While the test runs it is stopped first; then the chosen algorithm answers everybody. */
export function confirmPromote({ experiment, arms, verdict }, stopped) {
  const proven = verdict.winner;
  const options = arms.map((arm) => h("option", { value: arm.algorithm, selected: arm.algorithm === proven }, `${named(arm)} (#${arm.algorithm})`));
  const choice = h("select", { id: "promoted" }, ...options);
  new Question().ask({
    title: "Promote an algorithm to production?",
    body: [
      h("label", { class: "field", for: "promoted" }, h("span", {}, "Algorithm"), choice),
      h("p", {}, verdict.sentence),
      consequence(verdict.code !== "winner", ...ending(experiment), `It answers all default traffic of ${experiment.endpoint} from the next request on.`, "The verdict is not asked: this is your decision, and it is logged as yours."),
    ],
    yes: "Promote it",
    grave: verdict.code !== "winner",
    act: () => settle(experiment, Number(choice.value), `promoted after test ${experiment.id}`, stopped),
  });
}

export function confirmRollBack({ experiment, arms }, stopped) {
  const [control] = arms;
  new Question().ask({
    title: `Roll back to ${named(control)}?`,
    body: [consequence(true, ...ending(experiment), `${named(control)}, the control of this test, answers all default traffic of ${experiment.endpoint} from the next request on.`, "Whatever the others have shown, none of them stays in production.")],
    yes: "Roll back",
    grave: true,
    act: () => settle(experiment, control.algorithm, `rolled back after test ${experiment.id}`, stopped),
  });
}

const ending = ({ running, title }) => (running ? [`“${title}” is stopped. A stopped test cannot be resumed.`] : []);

async function settle(experiment, algorithm, reason, stopped) {
  if (experiment.running) await api.stopTest(experiment.id);
  const known = await api.algorithms();
  const now = known.find(({ id }) => id === algorithm)?.current_status;
  if (now !== "production") await api.promote(algorithm, reason);
  stopped();
}
