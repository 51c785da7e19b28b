/** What was done to the test, by whom and why, newest first. */

import { h, show, write, attribute, Rows } from "../dom.js";

class Event {
  #at = h("time");
  #what = h("strong");
  #by = h("span");
  #why = h("p");
  node = h("li", {}, this.#at, h("div", {}, this.#what, " ", this.#by, this.#why));

  update({ at, what, by, why }) {
    const moment = new Date(at);
    write(this.#at, moment.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" }));
    attribute(this.#at, "datetime", at);
    write(this.#what, what.replaceAll("_", " "));
    write(this.#by, by ? `by ${by}` : "");
    write(this.#why, why ?? "");
    show(this.#why, Boolean(why));
  }
}

export class Events {
  #list = h("ol", { class: "events" });
  #rows = new Rows(this.#list, () => new Event());

  constructor(root) {
    root.append(h("header", {}, h("h2", {}, "Event log"), h("span", { class: "note" }, "newest first")), this.#list);
  }

  /** Without a log of decisions, what the test itself knows: when it began and how it ended. */
  render({ experiment, events }) {
    const known = events ?? own(experiment);
    this.#rows.render(known, ({ at, what }) => `${at} ${what}`);
  }
}

function own({ started_at: started, ended_at: ended, summary }) {
  const stopped = ended ? [{ at: ended, what: "stopped", by: "", why: summary }] : [];
  return [...stopped, { at: started, what: "started", by: "", why: "" }];
}
