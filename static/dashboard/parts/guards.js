/** A canary: where it stands on its ramp, and how near each guardrail is to being crossed. */

import { h, place, show, write, attribute, Rows } from "../dom.js";
import { odds } from "../format.js";

const NAMES = { errors: "Failures", latency: "Slow answers", answers: "Other answers" };

class Guard {
  #name = h("span");
  #level = h("i");
  #track = h("div", { class: "track", role: "img" }, this.#level);
  #state = h("small");
  node = h("li", {}, this.#name, this.#track, this.#state);

  update({ name, state, log_e: log, threshold, sentence }) {
    write(this.#name, NAMES[name] ?? name);
    write(this.#state, state === "no_data" ? "nothing to see yet" : `${odds(log ?? 0)}, crossed at ${odds(threshold)}`);
    attribute(this.node, "data-state", state);
    attribute(this.node, "title", sentence);
    attribute(this.#track, "aria-label", sentence);
    place(this.#level, "--share", Math.max(0, Math.min(1, (log ?? 0) / threshold)).toFixed(4));
  }
}

export class Guards {
  #steps = h("ol", { class: "steps" });
  #ramp = new Rows(this.#steps, () => step());
  #list = h("ul", { class: "guards" });
  #rows = new Rows(this.#list, () => new Guard());
  node = h("section", { "aria-label": "Canary" }, h("h3", {}, "The ramp and its guardrails"), this.#steps, this.#list);

  render(experiment, guardrails) {
    const canary = experiment.canary ?? null;
    show(this.node, Boolean(canary || guardrails?.length));
    const steps = (canary?.steps ?? []).map((share, index) => ({ share, past: index <= canary.step, now: index === canary.step }));
    this.#ramp.render(steps, ({ share }) => share);
    this.#rows.render(guardrails ?? [], ({ name }) => name);
  }
}

function step() {
  const node = h("li");
  return {
    node,
    update({ share, past, now }) {
      write(node, `${share} %`);
      attribute(node, "data-past", past ? "" : null);
      attribute(node, "aria-current", now ? "step" : null);
    },
  };
}
