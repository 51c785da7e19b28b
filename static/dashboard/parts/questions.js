/** What is asked before something changes: the consequence first, the button after it. */

import { h, write } from "../dom.js";

export const named = ({ name, version }) => `${name} ${version}`;

export class Question {
  #dialog = document.getElementById("dialog");
  #problem = h("p", { class: "problem", role: "alert" });
  #yes;

  /** `act` is awaited; its failure is shown in the dialog, its success closes it. */
  ask({ title, body, yes, grave, act }) {
    this.#yes = h("button", { type: "submit", class: grave ? "primary grave" : "primary" }, yes);
    const no = h("button", { type: "button", onclick: () => this.#dialog.close() }, "Leave it");
    const form = h("form", {}, h("h2", { id: "dialog-title" }, title), ...body, this.#problem, h("div", { class: "actions" }, no, this.#yes));
    form.addEventListener("submit", (event) => this.#act(event, act));
    write(this.#problem, "");
    this.#dialog.replaceChildren(form);
    this.#dialog.showModal();
    no.focus();
  }

  async #act(event, act) {
    event.preventDefault();
    this.#yes.disabled = true;
    try {
      await act();
      this.#dialog.close();
    } catch (error) {
      write(this.#problem, error.message);
    } finally {
      this.#yes.disabled = false;
    }
  }
}

/** What will happen, each in a line of its own. */
export const consequences = (sentences, grave = false) =>
  h("ul", { class: grave ? "consequence grave" : "consequence" }, ...sentences.map((text) => h("li", {}, text)));

export const field = (id, words, input) => h("label", { class: "field", for: id }, h("span", {}, words), input);
