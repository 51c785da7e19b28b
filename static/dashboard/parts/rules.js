/** What the terms of a test mean, in words. */

export const RULES = {
  accuracy: "the better algorithm goes to production",
  evidence: "only a proven winner goes to production",
  none: "nobody is promoted",
};

export const MODES = {
  split: "Split: each subject is answered by one algorithm",
  shadow: "Shadow: the first answers, the others are given the same inputs unseen",
  canary: "Canary: more and more traffic for the second, while its guardrails hold",
  bandit: "Bandit: traffic follows what is known; claims no significance",
};

export const METRICS = {
  correctness: "share of right labels",
  brier: "Brier score of the probabilities",
  log_loss: "log loss of the probabilities",
  absolute_error: "absolute error",
  squared_error: "squared error",
  reward: "reward: the feedback is a number",
};

export const STOPS = { winner: "there is a winner", futility: "no difference that matters is left", maximum: "it has so many labels" };

const OF_CLASSES = ["correctness", "brier", "log_loss", "reward"];
const OF_NUMBERS = ["absolute_error", "squared_error", "reward"];

export const metricsOf = (task) => (task === "regression" ? OF_NUMBERS : OF_CLASSES);

/** Right and wrong can be counted, whatever a test is judged by. */
export const graded = ({ metric }) => ["correctness", "brier", "log_loss"].includes(metric);

/** Of shares a difference is told in points, of anything else in units of its own. */
export const unitOf = ({ metric }) => (metric === "correctness" ? { factor: 100, name: " points" } : { factor: 1, name: "" });
