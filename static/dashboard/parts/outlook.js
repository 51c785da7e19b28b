/** How many labels a test needs, and how long they take to come, by the endpoint's own traffic: asked while it is planned. */

import { h, write } from "../dom.js";
import { count, duration } from "../format.js";
import * as api from "../api.js";

const PAUSE_MS = 300; // after the last key
const USUAL = 0.01;

export class Outlook {
  node = h("p", { class: "note outlook", role: "status" });
  #endpoint;
  #waiting = 0;
  #asked = "";

  constructor(endpoint) {
    this.#endpoint = endpoint;
  }

  /** `difference` null: one percentage point, or whatever that is of another metric. */
  ask({ mode, difference, weights }) {
    const wishes = { difference: String(difference ?? USUAL), weights: weights.join(",") };
    const asked = JSON.stringify([wishes, mode]);
    if (asked === this.#asked || weights.length < 2) return;
    this.#asked = asked;
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#learn(wishes, mode, asked), PAUSE_MS);
  }

  async #learn(wishes, mode, asked) {
    const found = await api.plan(this.#endpoint.id, wishes).catch(() => null);
    if (asked === this.#asked) write(this.node, found ? words(found, mode, wishes.difference) : "");
  }
}

function words({ labels, days }, mode, difference) {
  const kind = mode === "shadow" ? "paired" : "watched";
  const said = `To see a difference of ${difference} in four of five tests`;
  if (labels[kind] === null) return mode === "shadow" ? `${said} it takes a share of what a split would (${amount(labels.watched, days.watched)}), the smaller the less the two disagree.` : "";
  return `${said} takes about ${amount(labels[kind], days[kind])}.`;
}

function amount(labels, days) {
  if (labels === null) return "more labels than anybody has";
  return days === null ? `${count(labels)} labels; none come yet` : `${count(labels)} labels, ${duration(86400 * days)} at the present rate`;
}
