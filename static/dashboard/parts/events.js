/** What was done to a test, by whom and why; the newest first. */

import { h, show, write, Rows } from "../dom.js";

const WORDS = { started: "started", reweighted: "changed the weights", widened: "raised the coverage", stopped: "stopped", promoted: "promoted", rolled_back: "rolled back", stepped: "went a step up" };

class Row {
  #at = h("time");
  #what = h("b");
  #by = h("span");
  #why = h("p");
  node = h("li", {}, this.#at, h("div", {}, this.#what, this.#by, this.#why));

  update({ at, by, what, why }) {
    const moment = new Date(at);
    write(this.#at, moment.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }));
    this.#at.dateTime = at;
    write(this.#what, WORDS[what] ?? what);
    write(this.#by, ` by ${by || "somebody"}`);
    write(this.#why, why ?? "");
    show(this.#why, Boolean(why));
  }
}

export class Events {
  #list = h("ol", { class: "events" });
  #rows = new Rows(this.#list, () => new Row());
  node = h("section", { "aria-label": "Events" }, h("h3", {}, "What was done"), this.#list);

  render(events) {
    show(this.node, Boolean(events?.length));
    this.#rows.render(events ?? [], ({ at, what }) => `${at} ${what}`);
  }
}
