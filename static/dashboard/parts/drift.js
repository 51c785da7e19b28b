/** How far rows and answers have moved from training: by column, window by window. */

import { h, show, svg, write, attribute, Rows } from "../dom.js";
import { clock, count, percent } from "../format.js";

const COLUMNS = 8;
const [CELL, TALL, FULL] = [9, 22, 0.4]; // of a strip: a window's width, its height, the index that fills it
const HELP = "No model of this endpoint remembers how its training rows lay: register it with --rows, or train it here.";

const level = (state) => (state ?? "too few rows").replaceAll(" ", "-");
const keyOf = (name, answer) => `${answer} ${name}`;
const psi = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
const change = (now, before) => (now === before ? percent(now, 1) : `${percent(now, 1)}, was ${percent(before, 1)}`);

/** A bar a window, as high as the index; the word beside it says the same. */
class Strip {
  node = svg("svg", { class: "strip", role: "img", preserveAspectRatio: "none" });
  #bars = [];

  update(name, values) {
    attribute(this.node, "viewBox", `0 0 ${Math.max(1, values.length) * CELL} ${TALL}`);
    attribute(this.node, "width", Math.max(1, values.length) * CELL);
    attribute(this.node, "height", TALL);
    while (this.#bars.length > values.length) this.#bars.pop().remove();
    while (this.#bars.length < values.length) this.node.append((this.#bars[this.#bars.length] = svg("rect", { width: CELL - 2 })));
    values.forEach((value, index) => this.#bar(this.#bars[index], index, value));
    const known = values.filter((value) => typeof value?.psi === "number");
    const spoken = known.length ? `PSI of ${name} in ${known.length} windows, oldest first: ${known.map((value) => psi(value.psi)).join(", ")}` : `${name}: no window had rows enough`;
    attribute(this.node, "aria-label", spoken);
  }

  #bar(bar, index, value) {
    const tall = Math.max(2, Math.min(1, (value?.psi ?? 0) / FULL) * TALL);
    attribute(bar, "x", index * CELL);
    attribute(bar, "y", (TALL - tall).toFixed(1));
    attribute(bar, "height", tall.toFixed(1));
    attribute(bar, "data-level", level(value?.state));
  }
}

class Column {
  #name = h("th", { scope: "row" });
  #strip = new Strip();
  #state = h("span", { class: "state" });
  #numbers = Array.from({ length: 3 }, () => h("td", { class: "number" }));
  node = h("tr", {}, this.#name, h("td", {}, this.#strip.node), h("td", {}, this.#state), ...this.#numbers);

  update({ reading, values, answer }) {
    write(this.#name, answer ? `answers: ${reading.name}` : reading.name);
    this.#strip.update(reading.name, values);
    write(this.#state, reading.state);
    attribute(this.node, "data-state", level(reading.state));
    const strange = reading.kind === "category" ? "unseen in training" : "outside of what training saw";
    [psi(reading.psi), change(reading.missing, reading.missing_before), percent(reading.strange, 1)].forEach((text, index) => write(this.#numbers[index], text));
    attribute(this.#numbers[2], "title", strange);
    attribute(this.#numbers[0], "title", reading.noise === null ? null : `up to ${psi(reading.noise)} may be chance; Jensen-Shannon distance ${psi(reading.distance)}`);
  }
}

class Algorithm {
  #name = h("b");
  #chip = h("span", { class: "chip" });
  #rows = h("span", { class: "note" });
  #accuracy = h("p", { class: "accuracy" });
  #body = h("tbody");
  #columns = new Rows(this.#body, () => new Column());
  #rest = h("p", { class: "note" });
  #table = h("div", { class: "wide", tabindex: "0", role: "group" },
    h("table", {}, h("thead", {}, h("tr", {}, ...["Column", "Windows, newest right", "Now", "PSI", "Missing", "Strange"].map((name, at) => h("th", { scope: "col", class: at > 2 ? "number" : null }, name)))), this.#body));
  node = h("section", { class: "drifted" }, h("h3", {}, this.#name, this.#chip, this.#rows), this.#accuracy, this.#table, this.#rest);

  update(algorithm) {
    write(this.#name, `${algorithm.name} ${algorithm.version}`);
    write(this.#chip, algorithm.state);
    attribute(this.#chip, "data-status", { drifting: "unhealthy", moving: "staging" }[algorithm.state] ?? "healthy");
    write(this.#rows, `by the last ${count(algorithm.rows)} rows`);
    attribute(this.#table, "aria-label", `Columns of ${algorithm.name} ${algorithm.version}`);
    write(this.#accuracy, accuracy(algorithm.labels));
    show(this.#accuracy, Boolean(this.#accuracy.textContent));
    this.#fill(algorithm);
  }

  #fill(algorithm) {
    const all = [...algorithm.answers.map((reading) => ({ reading, answer: true })), ...algorithm.features.map((reading) => ({ reading, answer: false }))];
    all.sort((one, other) => (other.reading.psi ?? -1) - (one.reading.psi ?? -1));
    const windows = algorithm.windows.map(({ columns }) => new Map(columns.map((each) => [keyOf(each.name, each.answer), each])));
    const shown = all.slice(0, COLUMNS).map((each) => ({ ...each, values: windows.map((window) => window.get(keyOf(each.reading.name, each.answer))) }));
    this.#columns.render(shown, ({ reading, answer }) => keyOf(reading.name, answer));
    show(this.#table, algorithm.rows > 0);
    write(this.#rest, all.length > COLUMNS ? `${all.length - COLUMNS} further columns have moved less.` : "");
    show(this.#rest, algorithm.rows > 0 && all.length > COLUMNS);
  }
}

function accuracy({ labelled, last, accuracy: live, mean_absolute_error: error, estimated_accuracy: estimated, measured }) {
  const now = Math.min(labelled, last);
  const said = [];
  if (live !== null) said.push(`Right in ${percent(live)} of the last ${count(now)} labels`);
  if (error !== null) said.push(`Off by ${error.toPrecision(3)} on average in the last ${count(now)} labels`);
  if (estimated !== null) said.push(`${said.length ? "estimated" : "Estimated"} accuracy without labels ${percent(estimated)}`);
  if (said.length && measured.accuracy !== undefined) said.push(`${percent(measured.accuracy)} when it was made`);
  return said.length ? `${said.join("; ")}.` : "";
}

class Event {
  #at = h("time");
  #what = h("b");
  #text = h("p");
  node = h("li", {}, this.#at, h("div", {}, this.#what, this.#text));

  update({ made_at: at, version, kind, subject, text, over }) {
    write(this.#at, `${new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock(at)}`);
    this.#at.dateTime = at;
    write(this.#what, `${over ? "Over: " : ""}${kind}${subject ? ` of ${subject}` : ""}${version ? `, ${version}` : ""}`);
    write(this.#text, text);
  }
}

export class Drift {
  #note = h("span", { class: "note" });
  #list = h("div", { class: "drifts" });
  #algorithms = new Rows(this.#list, () => new Algorithm());
  #events = h("ol", { class: "events", tabindex: "0", "aria-label": "What was noticed" });
  #rows = new Rows(this.#events, () => new Event());
  #noticed = h("section", { class: "noticed" }, h("h3", {}, "What was noticed"), this.#events);
  #help = h("p", { class: "note" }, HELP);

  constructor(root) {
    root.append(h("header", {}, h("h2", {}, "Drift"), this.#note), this.#list, this.#noticed, this.#help);
    this.render(null);
  }

  /** `only` are the ids of the algorithms that are shown; without it all are that were asked or are watched. */
  render(body, only = null) {
    const wanted = (body?.algorithms ?? []).filter(({ id, watched, rows }) => watched && (only ? only.has(id) : rows > 0));
    this.#algorithms.render(wanted, ({ id }) => id);
    const events = (body?.events ?? []).filter(({ algorithm }) => !only || only.has(algorithm));
    this.#rows.render(events, ({ id }) => id);
    show(this.#noticed, events.length > 0);
    show(this.#help, Boolean(body) && !body.algorithms.some(({ watched }) => watched));
    write(this.#note, body ? note(body, wanted) : "");
  }
}

function note({ window_seconds: seconds, drifting }, wanted) {
  if (!seconds) return "rows are not counted: WEIR_DRIFT_WINDOW_SECONDS is 0";
  const size = seconds % 60 ? `${seconds} s` : `${seconds / 60} min`;
  return wanted.length ? `rows beside those of training, in windows of ${size}; a PSI of ${drifting} is commonly called drift` : "no rows were counted yet";
}
