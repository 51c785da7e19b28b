/** A shadow test's agreement: both algorithms on the same inputs. Only where they differ is there news. */

import { h, place, show, write, Rows } from "../dom.js";
import { count, percent } from "../format.js";

class Table {
  #cells = Object.fromEntries(["both", "only_control", "only_this", "neither"].map((key) => [key, h("td", { class: key, style: false }, h("b"), h("small"))]));
  #mine = h("th", { scope: "col" });
  #mineNot = h("th", { scope: "col" });
  #theirs = h("th", { scope: "row" });
  #theirsNot = h("th", { scope: "row" });
  #note = h("p", { class: "note" });

  constructor() {
    const { both, only_control: control, only_this: mine, neither } = this.#cells;
    this.node = h(
      "li", {},
      h("table", { class: "agreement" },
        h("thead", {}, h("tr", {}, h("td"), this.#mine, this.#mineNot)),
        h("tbody", {}, h("tr", {}, this.#theirs, both, control), h("tr", {}, this.#theirsNot, mine, neither))),
      this.#note,
    );
  }

  update({ arm, control }) {
    const { pairs } = arm;
    const counted = pairs.both !== null;
    const [yes, no] = counted ? ["right", "wrong"] : ["better", "worse"];
    write(this.#mine, `${arm.name} ${yes}`);
    write(this.#mineNot, `${arm.name} ${no}`);
    write(this.#theirs, `${control.name} ${counted ? yes : "worse"}`);
    write(this.#theirsNot, `${control.name} ${counted ? no : "better"}`);
    const shown = counted ? pairs : { ...pairs, both: pairs.only_this, only_control: 0, only_this: 0, neither: pairs.only_control };
    for (const [key, cell] of Object.entries(this.#cells)) this.#fill(cell, shown[key], arm.labelled);
    const apart = pairs.only_this + pairs.only_control;
    const missed = Math.max(0, control.exposures - arm.exposures);
    write(this.#note, `${count(apart)} of ${count(arm.labelled)} labelled inputs tell them apart. ${missed ? `${count(missed)} inputs were not mirrored.` : "Every input was mirrored."}`);
    show(this.node.firstChild, arm.labelled > 0);
  }

  #fill(cell, value, all) {
    write(cell.firstChild, count(value));
    write(cell.lastChild, percent(value / Math.max(1, all)));
    place(cell, "--share", (value / Math.max(1, all)).toFixed(4));
  }
}

export class Pairs {
  #list = h("ol", { class: "tables" });
  #rows = new Rows(this.#list, () => new Table());
  node = h("section", { class: "pairs", "aria-label": "Agreement" }, h("h3", {}, "On the same inputs"), this.#list);

  render(arms, { mode }) {
    const [control, ...challengers] = arms;
    const items = mode === "shadow" ? challengers.filter((arm) => arm.pairs).map((arm) => ({ arm, control })) : [];
    show(this.node, items.length > 0);
    this.#rows.render(items, ({ arm }) => arm.arm);
  }
}
