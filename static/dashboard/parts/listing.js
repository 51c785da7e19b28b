/** Tests as lines of a table, each with its verdict. */

import { h, show, write, attribute, Rows } from "../dom.js";
import { labelled } from "../followed.js";
import { count, duration } from "../format.js";

const HEADINGS = ["Experiment", "Endpoint", "Mode", "State", "Labels", "For", "What it says"];

class Row {
  #title = h("a");
  #endpoint = h("a");
  #mode = h("td");
  #state = h("span", { class: "chip" });
  #labels = h("td", { class: "number" });
  #time = h("td", { class: "number" });
  #says = h("td", { class: "says" });
  node = h("tr", {}, h("th", { scope: "row" }, this.#title), h("td", {}, this.#endpoint), this.#mode, h("td", {}, this.#state), this.#labels, this.#time, this.#says);

  update({ test, snapshot }) {
    const running = test.ended_at === null;
    write(this.#title, test.title);
    attribute(this.#title, "href", `/experiments/${test.id}`);
    write(this.#endpoint, test.endpoint);
    attribute(this.#endpoint, "href", `/endpoints/${encodeURIComponent(test.endpoint)}`);
    write(this.#mode, test.mode);
    write(this.#state, running ? "running" : test.outcome.replaceAll("_", " ") || "ended");
    attribute(this.#state, "data-status", running ? "running" : "retired");
    write(this.#labels, snapshot ? count(labelled(snapshot.arms)) : "–");
    write(this.#time, duration(((running ? Date.now() : Date.parse(test.ended_at)) - Date.parse(test.created_at)) / 1000));
    write(this.#says, snapshot ? snapshot.verdict.sentence.split(/(?<=[.!?]) (?=[A-Z])/)[0] : test.summary ?? "");
    attribute(this.#says, "data-code", snapshot?.verdict.code);
  }
}

export class Listing {
  #body = h("tbody");
  #rows = new Rows(this.#body, () => new Row());
  #none = h("p", { class: "empty" }, "No test was ever started. The page of an endpoint starts one, or `make traffic`.");
  #table = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Experiments, scrolls sideways" },
    h("table", { class: "listing" }, h("thead", {}, h("tr", {}, ...HEADINGS.map((text, index) => h("th", { scope: "col", class: index === 4 || index === 5 ? "number" : null }, text)))), this.#body));

  constructor(root) {
    root.append(this.#table, this.#none);
  }

  render(tests, snapshots) {
    show(this.#none, tests.length === 0);
    show(this.#table, tests.length > 0);
    this.#rows.render(tests.map((test) => ({ test, snapshot: snapshots.get(test.id) })), ({ test }) => test.id);
  }
}
