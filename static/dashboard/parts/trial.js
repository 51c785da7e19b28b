/** The place where a person asks the model: form, button, answer. */

import { h, show, write } from "../dom.js";
import { Predictor, PredictionFailed } from "../predictor.js";
import { Answer } from "./answer.js";
import { exampleOf, Form } from "./form.js";

export class Trial {
  #slot = h("div", { class: "slot" });
  #subject = h("input", { type: "text", id: "subject", placeholder: "nobody in particular", autocomplete: "off", maxlength: "128" });
  #send = h("button", { type: "submit", class: "primary" }, "Predict");
  #example = h("button", { type: "button", class: "quiet", onclick: () => this.#fillIn() }, "Fill in an example");
  #clear = h("button", { type: "button", class: "quiet", onclick: () => this.#form && (this.#form.record = {}) }, "Clear");
  #tools = h("span", { class: "push tools" }, this.#example, this.#clear);
  #note = h("span", { class: "note" });
  #subjectField = h("label", { class: "subject", for: "subject", title: "In a test, the same subject always gets the same algorithm." }, h("span", {}, "as subject"), this.#subject);
  #body;
  #answer;
  #schema = null;
  #form = null;
  #predictor = null;

  constructor(root, herald) {
    this.#answer = new Answer(herald);
    const actions = h("div", { class: "actions" }, this.#send, this.#subjectField);
    this.#body = h("form", { novalidate: true, onsubmit: (event) => this.#asked(event) }, this.#slot, actions, this.#answer.node);
    root.append(h("header", {}, h("h2", {}, "Try it"), this.#note, this.#tools), this.#body);
    show(this.#body, false);
    show(this.#tools, false);
  }

  /** A form for another endpoint; `known` is null while its schema is not. Tensors have no form. */
  change(endpoint, known) {
    const schema = known?.graph ? null : known;
    this.#predictor?.close();
    this.#predictor = schema && new Predictor(endpoint);
    this.#schema = schema;
    this.#form = schema && new Form(schema);
    this.#slot.replaceChildren(...(this.#form ? [this.#form.node] : []));
    this.#answer.clear();
    show(this.#body, schema !== null);
    show(this.#tools, schema !== null);
    write(this.#note, schema ? `${schema.features.length} features` : known ? "takes tensors: by curl or a client" : "");
  }

  #fillIn() {
    if (!this.#form) return;
    this.#form.forgive();
    this.#form.record = exampleOf(this.#schema);
  }

  async #asked(event) {
    event.preventDefault();
    const [form, predictor, target] = [this.#form, this.#predictor, this.#schema.target];
    form.forgive();
    this.#send.disabled = true;
    try {
      const answer = await predictor.predict(form.record, this.#subject.value.trim());
      if (form === this.#form) this.#answer.render(answer, target);
    } catch (error) {
      if (form === this.#form) this.#failed(error);
    } finally {
      this.#send.disabled = false;
    }
  }

  #failed(error) {
    if (!(error instanceof PredictionFailed)) throw error;
    if (error.field) this.#form.complain(error.field);
    this.#answer.fail(error.message);
  }
}
