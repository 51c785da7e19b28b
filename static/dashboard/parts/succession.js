/** Who goes into production by hand, and who comes back: what is known of him, and what will happen. */

import { h, write } from "../dom.js";
import * as api from "../api.js";
import { consequences, field, named, Question } from "./questions.js";

const NOT_JUDGED = "It was not judged yet: manage.py evaluate compares it with what is in production.";

export function confirmPromotion(endpoint, algorithm) {
  const champion = endpoint.algorithms.find(({ status }) => status === "production");
  const finding = h("p", { role: "status" }, "Looking for its evaluation …");
  const reason = h("input", { type: "text", id: "reason", maxlength: "500", autocomplete: "off" });
  const force = h("input", { type: "checkbox", id: "force" });
  api.evaluations(algorithm.id).then((found) => write(finding, judged(found.at(-1))), (error) => write(finding, error.message));
  new Question().ask({
    title: `Put ${named(algorithm)} into production?`,
    body: [
      finding,
      consequences([
        `It answers all default traffic of ${endpoint.name} from the next request on${champion ? `; ${named(champion)} returns to testing` : ""}.`,
        "Who did it, and why, is kept in the audit.",
      ], true),
      field("reason", "Why", reason),
      h("label", { class: "choice", for: "force" }, force, h("span", {}, "Even if no evaluation blesses it, for that reason")),
    ],
    yes: "Promote it",
    grave: true,
    act: () => api.promoteAlgorithm(algorithm.id, reason.value, force.checked),
  });
}

export function confirmReturn(endpoint, champion) {
  const reason = h("input", { type: "text", id: "reason", maxlength: "500", autocomplete: "off" });
  new Question().ask({
    title: `Take ${named(champion)} out of production?`,
    body: [
      consequences([
        `Whoever was in production of ${endpoint.name} before answers its traffic again from the next request on, and ${named(champion)} is marked as rolled back.`,
        "Who did it, and why, is kept in the audit.",
      ], true),
      field("reason", "Why", reason),
    ],
    yes: "Roll it back",
    grave: true,
    act: () => api.returnEndpoint(endpoint.id, reason.value),
  });
}

function judged(evaluation) {
  if (!evaluation) return NOT_JUDGED;
  const beside = evaluation.baseline === null ? "alone" : `beside algorithm ${evaluation.baseline}`;
  return [`Evaluation ${evaluation.id}, ${beside}: ${evaluation.blessed ? "blessed" : "not blessed"}.`, ...evaluation.reasons.slice(0, 3)].join(" ");
}
