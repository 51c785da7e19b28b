/** What a model answered to the form, and the way to tell it what was right. */

import { h, place, write, show } from "../dom.js";
import { measure, milliseconds, percent } from "../format.js";
import * as api from "../api.js";

const SHOWN = 3;

export class Answer {
  #label = h("b", { class: "label" });
  #from = h("p", { class: "from" });
  #shares = h("ul", { class: "shares" });
  #truth = h("div", { class: "truth" });
  #problem = h("p", { class: "problem", id: "answer-problem", role: "alert" });
  #answered = h("div", { class: "answered" }, this.#label, this.#from, this.#shares, this.#truth);
  #idle = h("p", { class: "idle-answer" }, "The answer comes over the WebSocket and shows here.");
  node = h("div", { class: "answer" }, this.#idle, this.#answered, this.#problem);
  #herald;

  constructor(herald) {
    this.#herald = herald;
    this.clear();
  }

  clear() {
    this.#only(this.#idle);
  }

  fail(sentence) {
    write(this.#problem, sentence);
    this.#only(this.#problem);
  }

  render({ result, milliseconds: took }, target) {
    write(this.#label, target.task === "regression" ? measure(result.value) : result.label);
    write(this.#from, `algorithm #${result.algorithm} ${result.version} · ${milliseconds(took)} ms · request ${result.request_id}`);
    this.#shares.replaceChildren(...shares(result, target).map(share));
    this.#truth.replaceChildren(...truth(result, target, (text) => this.#learn(result.request_id, text)));
    this.#only(this.#answered);
    write(this.#herald, `Answer: ${this.#label.textContent}`);
  }

  async #learn(requestId, text) {
    const said = await api.label(requestId, text).then(() => `Recorded: ${text} was right.`, (error) => error.message);
    this.#truth.replaceChildren(h("p", { role: "status" }, said));
  }

  #only(node) {
    for (const part of [this.#idle, this.#answered, this.#problem]) show(part, part === node);
  }
}

/** [class, probability], the most probable first. */
function shares(result, target) {
  if (target.task === "regression") return [];
  const [no, yes] = target.classes;
  const all = result.probabilities ?? { [no]: 1 - result.probability, [yes]: result.probability };
  return Object.entries(all).sort(([, a], [, b]) => b - a).slice(0, SHOWN);
}

function share([name, probability]) {
  const bar = h("i");
  place(bar, "--end", probability.toFixed(4));
  return h("li", {}, h("span", { class: "class" }, name), h("span", { class: "level" }, bar), h("span", { class: "number" }, percent(probability)));
}

function truth(result, target, learn) {
  const question = h("span", {}, "What was right?");
  if (target.task === "regression") return [question, ...entry(learn)];
  if (target.classes.length > 4) return [question, ...list(target.classes, learn)];
  return [question, ...target.classes.map((name) => h("button", { type: "button", onclick: () => learn(name) }, name))];
}

function list(classes, learn) {
  const select = h("select", { "aria-label": "The right class" }, ...classes.map((name) => h("option", {}, name)));
  return [select, h("button", { type: "button", onclick: () => learn(select.value) }, "Record")];
}

function entry(learn) {
  const input = h("input", { type: "text", inputmode: "decimal", "aria-label": "The right value" });
  return [input, h("button", { type: "button", onclick: () => input.value.trim() && learn(input.value.trim()) }, "Record")];
}
