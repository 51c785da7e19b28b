/** The same comparison within each segment, with what is left of alpha for each. */

import { h, show, write, Rows } from "../dom.js";
import { count, figure, gap } from "../format.js";
import { unitOf } from "./rules.js";

class Row {
  #name = h("th", { scope: "row" });
  #arms = h("td");
  #gap = h("td");
  #verdict = h("td");
  node = h("tr", {}, this.#name, this.#arms, this.#gap, this.#verdict);

  update({ segment, experiment, arms: names }) {
    const standing = segment.arms.map((arm) => `${names.get(arm.arm) ?? ""} ${figure(arm, experiment)} of ${count(arm.labelled)}`);
    write(this.#name, segment.segment);
    write(this.#arms, standing.join(" · "));
    write(this.#gap, segment.evidence ? `${gap(segment.evidence.difference, experiment)}${unitOf(experiment).name}` : "–");
    write(this.#verdict, segment.verdict ?? "");
  }
}

export class Segments {
  #body = h("tbody");
  #rows = new Rows(this.#body, () => new Row());
  #title = h("h3");
  node = h("section", { class: "segments", "aria-label": "Segments" }, this.#title,
    h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Segments table" }, h("table", {}, h("thead", {}, h("tr", {}, ...["Segment", "Arms", "Difference", "Verdict"].map((name) => h("th", { scope: "col" }, name)))), this.#body)));

  render(segments, experiment, arms) {
    show(this.node, Boolean(segments?.length));
    write(this.#title, `By ${experiment.segment}`);
    const names = new Map(arms.map((arm) => [arm.arm, arm.name]));
    this.#rows.render((segments ?? []).map((segment) => ({ segment, experiment, arms: names })), ({ segment }) => segment.segment);
  }
}
