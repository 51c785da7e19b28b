/** What REST says of an endpoint's rows and answers, asked now and then while the page is seen. */

import * as api from "./api.js";

const SECONDS = 10;

export class Drifts {
  #heard;
  #endpoint = null;
  #timer = 0;

  /** `heard` is called with what was answered, or null while there is nothing to show. */
  constructor(heard) {
    this.#heard = heard;
    document.addEventListener("visibilitychange", () => document.hidden || this.#ask());
  }

  /** From now on this endpoint, by its id; null is none. */
  follow(endpoint) {
    if (endpoint === this.#endpoint) return;
    this.#endpoint = endpoint;
    this.#heard(null);
    this.#ask();
  }

  async #ask() {
    clearTimeout(this.#timer);
    const wanted = this.#endpoint;
    if (wanted === null) return;
    const body = document.hidden ? null : await api.drift(wanted).catch(() => null);
    if (wanted !== this.#endpoint) return;
    if (body) this.#heard(body);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), SECONDS * 1000);
  }
}
