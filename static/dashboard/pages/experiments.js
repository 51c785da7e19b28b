/** All experiments: those that run first, each with its verdict as it is now. */

import * as api from "../api.js";
import { h, show, write, attribute, Rows } from "../dom.js";
import { count, duration } from "../format.js";
import { MODES } from "../measures.js";
import { at, experimentPage, Shell } from "../shell.js";
import { command } from "../parts/commands.js";

/** Ended ones beyond these are listed without asking for their numbers. */
const MOST_ASKED = 20;
const REFRESH_MS = 3000;

class Card {
  #title = h("strong");
  #state = h("span", { class: "chip" });
  #meta = h("span", { class: "note" });
  #verdict = h("span", { class: "said" });
  #arms = h("span", { class: "note" });
  #link = h("a", {}, h("span", { class: "name" }, this.#title, this.#state, this.#meta), this.#verdict, this.#arms);
  node = h("li", {}, this.#link);

  update({ test, snapshot }) {
    const running = !test.ended_at;
    attribute(this.#link, "href", experimentPage(test.id));
    write(this.#title, test.title);
    write(this.#state, running ? "running" : "ended");
    attribute(this.#state, "data-status", running ? "running" : "retired");
    write(this.#meta, about(test, running));
    write(this.#verdict, snapshot?.verdict.sentence ?? test.summary ?? "");
    attribute(this.#verdict, "data-code", snapshot?.verdict.code ?? null);
    write(this.#arms, snapshot ? snapshot.arms.map((arm) => `${arm.name} ${arm.version}: ${count(arm.labelled)} labelled of ${count(arm.subjects)}`).join(" · ") : "");
  }
}

function about({ endpoint, mode, created_at: from, ended_at: to }, running) {
  const elapsed = duration(((running ? Date.now() : Date.parse(to)) - Date.parse(from)) / 1000);
  return `${endpoint} · ${MODES[mode ?? "split"]?.[0].toLowerCase() ?? mode} · ${running ? "for" : "ran"} ${elapsed}`;
}

class Experiments {
  #shell = new Shell(() => this.#draw());
  #list = h("ol", { class: "experiments" });
  #rows = new Rows(this.#list, () => new Card());
  #note = h("span", { class: "note" });
  #empty = h("div", { class: "empty" }, h("strong", {}, "No experiment yet"), h("p", {}, "Start one on the page of an endpoint that has two algorithms, or let the demo do it:"), command("make traffic"));
  #tests = null;
  #snapshots = new Map();

  constructor() {
    at("experiments").append(h("header", {}, h("h2", {}, "Experiments"), this.#note), this.#list, this.#empty);
    show(this.#empty, false);
  }

  async open() {
    this.#shell.open();
    while (true) {
      if (!document.hidden) await this.#look().catch((error) => write(this.#note, error.message));
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  }

  async #look() {
    const tests = await api.tests();
    this.#tests = tests.sort((a, b) => Number(Boolean(a.ended_at)) - Number(Boolean(b.ended_at)) || b.id - a.id);
    this.#shell.soon();
    for (const { id, ended_at: ended } of this.#tests.slice(0, MOST_ASKED)) {
      const settled = ended && this.#snapshots.get(id)?.experiment.running === false;
      if (!settled) this.#snapshots.set(id, await api.testNow(id));
    }
    this.#shell.soon();
  }

  #draw() {
    if (!this.#tests) return;
    const running = this.#tests.filter((test) => !test.ended_at).length;
    write(this.#note, `${running} running, ${this.#tests.length - running} ended`);
    show(this.#empty, this.#tests.length === 0);
    this.#rows.render(this.#tests.map((test) => ({ test, snapshot: this.#snapshots.get(test.id) })), ({ test }) => test.id);
  }
}

new Experiments().open();
