/** What a test is judged by, in words: metrics, modes, and scores as people read them. */

import { measure, percent } from "./format.js";

const METRICS = {
  correctness: "share of right answers",
  reward: "mean reward",
  brier: "Brier score",
  log_loss: "log loss",
  absolute_error: "mean absolute error",
  squared_error: "mean squared error",
};

export const MODES = {
  split: ["Split", "Subjects are dealt to the arms; each keeps his."],
  shadow: ["Shadow", "The champion answers; challengers see the same inputs and are never returned."],
  canary: ["Canary", "The newcomer's share grows step by step while its guardrails hold."],
  bandit: ["Bandit", "Shares follow what pays; no claim of significance is made."],
};

/** Whether answers are right or wrong; else they are only more or less good. */
export function isGraded({ metric, task }) {
  return metric ? metric === "correctness" : task !== "regression";
}

export const metricName = (experiment) => METRICS[experiment.metric] ?? (isGraded(experiment) ? METRICS.correctness : METRICS.absolute_error);

/** The number people know: accuracy, mean error, Brier score. */
export function figureOf(arm, experiment) {
  if (isGraded(experiment)) return percent(arm.accuracy);
  return measure(arm.figure ?? arm.mean_absolute_error ?? arm.score);
}

export const scoreText = (value, experiment) => (isGraded(experiment) ? percent(value) : small(value));

function small(value) {
  if (value === null || value === undefined) return measure(value);
  return value.toPrecision(3).replace("-", "−");
}

export const named = ({ name, version }) => `${name} ${version}`;
