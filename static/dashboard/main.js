/** Puts the page together: what arrives is kept, what changed is drawn with the next frame. */

import * as api from "./api.js";
import { Drifts } from "./drifts.js";
import { Followed } from "./followed.js";
import { at, Shell } from "./shell.js";
import { ACTS } from "./parts/acts.js";
import { Algorithms } from "./parts/algorithms.js";
import { predictLine } from "./parts/commands.js";
import { Drift } from "./parts/drift.js";
import { Experiment } from "./parts/experiment.js";
import { Feed } from "./parts/feed.js";
import { exampleOf } from "./parts/form.js";
import { Rail } from "./parts/rail.js";
import { confirmStart } from "./parts/starting.js";
import { Title } from "./parts/title.js";
import { Traffic } from "./parts/traffic.js";
import { Trial } from "./parts/trial.js";
import { Welcome } from "./parts/welcome.js";

const profile = document.querySelector("meta[name=profile]").content;
/** `/endpoints/name`, or `/#/name` on the first page, which goes from one to the other without a load. */
const chosenByAddress = () => decodeURIComponent(location.hash.match(/^#\/(.+)$/)?.[1] ?? location.pathname.match(/^\/endpoints\/(.+)$/)?.[1] ?? "");

class Screen {
  #selected = null;
  #schema = null;
  #followed = new Followed();
  #testOf = null;
  #topics = { experiment: null, results: null };
  #shell = new Shell((operations) => this.#draw(operations));

  constructor() {
    const herald = at("herald");
    this.rail = new Rail(at("rail"));
    this.welcome = new Welcome(at("welcome"), profile === "open" ? "WEIR_PROFILE=open " : "");
    this.title = new Title(at("title"));
    this.experiment = new Experiment(at("experiment"), { herald, acts: { ...ACTS, start: () => this.#start() } });
    this.traffic = new Traffic(at("traffic"));
    this.algorithms = new Algorithms(at("algorithms"));
    this.drift = new Drift(at("drift"));
    this.drifts = new Drifts((body) => this.drift.render(body));
    this.trial = new Trial(at("trial"), herald);
    this.feed = new Feed(at("feed"));
    addEventListener("hashchange", () => this.#shell.soon());
  }

  open() {
    this.#shell.open();
  }

  #draw(operations) {
    const endpoint = this.#chosen();
    this.rail.render(operations, this.#shell.histories, endpoint?.name);
    at("deck").dataset.served = endpoint ? "some" : "none";
    if (endpoint) this.#drawEndpoint(endpoint);
  }

  #chosen() {
    const { endpoints } = this.#shell.operations;
    const wanted = chosenByAddress();
    return endpoints.find(({ name }) => name === wanted) ?? endpoints.find(({ experiment }) => experiment !== null) ?? endpoints[0] ?? null;
  }

  #drawEndpoint(endpoint) {
    if (endpoint.name !== this.#selected) this.#select(endpoint);
    this.#followTest(endpoint.experiment);
    const { snapshot } = this.#followed;
    this.title.render(endpoint, snapshot?.experiment);
    this.algorithms.render(endpoint);
    this.experiment.render(snapshot, { canStart: endpoint.algorithms.filter(({ status }) => status !== "retired").length > 1 });
    const record = this.#schema ? exampleOf(this.#schema) : {};
    this.traffic.render(this.#shell.histories.get(endpoint.name), predictLine(endpoint.name, record));
  }

  #select(endpoint) {
    this.#selected = endpoint.name;
    document.title = `${endpoint.name} · Weir`;
    this.#followTest(null);
    this.#schema = null;
    this.trial.change(endpoint.name, null);
    this.feed.change(null);
    this.feed.clear();
    this.#follow("results", `results:${endpoint.name}`, ({ results }) => this.feed.render(results));
    this.drifts.follow(endpoint.id);
    this.#learnSchema(endpoint);
    if (endpoint.experiment === null) this.#recallTest(endpoint);
  }

  async #learnSchema({ id, name }) {
    const schema = await api.endpointSchema(id).catch(() => null);
    if (name !== this.#selected || !schema) return;
    this.#schema = schema;
    this.trial.change(name, schema);
    this.feed.change(schema.target?.classes ?? []);
    this.#shell.soon();
  }

  /** The last test of an endpoint stays in sight after it ended, here and after a reload. */
  async #recallTest({ name, algorithms }) {
    const ids = new Set(algorithms.map(({ id }) => id));
    const tests = await api.tests().catch(() => []);
    const last = tests.filter((test) => ids.has(test.parent_mlalgorithm_1)).at(-1);
    if (last && name === this.#selected && !this.#topics.experiment) this.#followTest(last.id);
  }

  /** Null means that none is running: one that was followed here before stays in sight. */
  #followTest(id) {
    if (id === null && this.#testOf === this.#selected) return;
    const topic = id === null ? null : `experiment:${id}`;
    if (topic === this.#topics.experiment) return;
    this.#testOf = topic && this.#selected;
    this.#followed = new Followed();
    this.#follow("experiment", topic, (snapshot) => this.#heardExperiment(snapshot));
  }

  #heardExperiment(snapshot) {
    this.#followed.heard(snapshot);
    this.#shell.soon();
  }

  #follow(kind, topic, listener) {
    const old = this.#topics[kind];
    if (old === topic) return;
    if (old) this.#shell.socket.unsubscribe(old);
    this.#topics[kind] = topic;
    if (topic) this.#shell.socket.subscribe(topic, (snapshot) => topic === this.#topics[kind] && listener(snapshot));
  }

  #start() {
    const endpoint = this.#chosen();
    if (endpoint) confirmStart(endpoint, this.#schema?.target?.task, (test) => this.#followTest(test.id));
  }
}

new Screen().open();
