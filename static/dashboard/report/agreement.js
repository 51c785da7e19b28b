/** Shadow mode: of the same inputs, who was right; only the cells where they differ say anything. */

import { h, show, write, attribute, Rows } from "../dom.js";
import { count } from "../format.js";
import { named } from "../measures.js";

class Square {
  #cells = Object.fromEntries(["both", "only_control", "only_this", "neither"].map((key) => [key, h("td", { class: key.startsWith("only") ? "discordant" : null })]));
  #caption = h("caption");
  #control = h("span");
  #this = h("span");
  #sum = h("p", { class: "note" });

  constructor() {
    const head = h("tr", {}, h("td"), h("th", { scope: "col" }, "it is right"), h("th", { scope: "col" }, "it is wrong"));
    const first = h("tr", {}, h("th", { scope: "row" }, this.#control, " is right"), this.#cells.both, this.#cells.only_control);
    const second = h("tr", {}, h("th", { scope: "row" }, this.#this, " is wrong"), this.#cells.only_this, this.#cells.neither);
    this.node = h("figure", {}, h("table", { class: "square" }, this.#caption, h("thead", {}, head), h("tbody", {}, first, second)), this.#sum);
  }

  update({ arm, control }) {
    const { pairs } = arm;
    write(this.#caption, named(arm));
    for (const node of [this.#control, this.#this]) write(node, control.name);
    for (const [key, cell] of Object.entries(this.#cells)) write(cell, count(pairs[key]));
    const apart = pairs.only_control + pairs.only_this;
    write(this.#sum, `${count(apart)} inputs tell them apart: ${count(pairs.only_this)} for ${arm.name}, ${count(pairs.only_control)} for ${control.name}.`);
    attribute(this.node, "data-leads", pairs.only_this > pairs.only_control ? "" : null);
  }
}

export class Agreement {
  #root;
  #squares = h("div", { class: "squares" });
  #rows = new Rows(this.#squares, () => new Square());

  constructor(root) {
    this.#root = root;
    root.append(h("header", {}, h("h2", {}, "Agreement"), h("span", { class: "note" }, "both were given the same inputs; the tinted cells decide")), this.#squares);
  }

  render({ arms }) {
    const paired = arms.filter(({ pairs }) => pairs);
    show(this.#root, paired.length > 0);
    this.#rows.render(paired.map((arm) => ({ arm, control: arms[0] })), ({ arm }) => arm.arm);
  }
}
