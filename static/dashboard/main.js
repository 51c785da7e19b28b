/** Puts the page together: what arrives is kept, what changed is drawn with the next frame. */

import * as api from "./api.js";
import { History, total } from "./history.js";
import { LiveSocket, socketUrl } from "./socket.js";
import { Algorithms } from "./parts/algorithms.js";
import { predictLine } from "./parts/commands.js";
import { confirmStart, confirmStop } from "./parts/confirmations.js";
import { Experiment } from "./parts/experiment.js";
import { Feed } from "./parts/feed.js";
import { exampleOf } from "./parts/form.js";
import { Connection, River, Vitals } from "./parts/masthead.js";
import { Rail } from "./parts/rail.js";
import { Title } from "./parts/title.js";
import { Traffic } from "./parts/traffic.js";
import { Trial } from "./parts/trial.js";
import { Welcome } from "./parts/welcome.js";

const at = (id) => document.getElementById(id);
const profile = document.querySelector("meta[name=profile]").content;
const chosenByAddress = () => decodeURIComponent(location.hash.match(/^#\/(.+)$/)?.[1] ?? "");

class Screen {
  #operations = null;
  #histories = new Map();
  #selected = null;
  #schema = null;
  #experiment = null;
  #testOf = null;
  #topics = { experiment: null, results: null };
  #frame = 0;
  #socket;

  constructor() {
    const herald = at("herald");
    this.connection = new Connection(at("connection"), at("deck"));
    this.vitals = new Vitals(at("vitals"));
    this.river = new River(at("river"));
    this.rail = new Rail(at("rail"));
    this.welcome = new Welcome(at("welcome"), profile === "open" ? "WEIR_PROFILE=open " : "");
    this.title = new Title(at("title"));
    this.experiment = new Experiment(at("experiment"), { herald, onStart: () => this.#start(), onStop: () => this.#stop() });
    this.traffic = new Traffic(at("traffic"));
    this.algorithms = new Algorithms(at("algorithms"));
    this.trial = new Trial(at("trial"), herald);
    this.feed = new Feed(at("feed"));
    this.#socket = new LiveSocket(socketUrl("/ws/v1/live"), (state) => this.connection.render(state));
    addEventListener("hashchange", () => this.#soon());
  }

  open() {
    this.#socket.subscribe("operations", (snapshot) => this.#heardOperations(snapshot));
    this.#socket.connect();
  }

  #heardOperations(operations) {
    for (const endpoint of operations.endpoints) {
      if (!this.#histories.has(endpoint.name)) this.#histories.set(endpoint.name, new History());
      const history = this.#histories.get(endpoint.name);
      if (endpoint.history) history.replace(endpoint.history);
      else history.append(endpoint.tick);
    }
    this.#operations = operations;
    this.#soon();
  }

  /** However much arrives, a frame draws once; a hidden page draws nothing. */
  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    if (!this.#operations) return;
    const endpoint = this.#chosen();
    this.vitals.render(this.#operations);
    this.river.render(total(this.#histories.values()));
    this.rail.render(this.#operations, this.#histories, endpoint?.name);
    at("deck").dataset.served = endpoint ? "some" : "none";
    if (endpoint) this.#drawEndpoint(endpoint);
  }

  #chosen() {
    const { endpoints } = this.#operations;
    const wanted = chosenByAddress();
    return endpoints.find(({ name }) => name === wanted) ?? endpoints.find(({ experiment }) => experiment !== null) ?? endpoints[0] ?? null;
  }

  #drawEndpoint(endpoint) {
    if (endpoint.name !== this.#selected) this.#select(endpoint);
    this.#followTest(endpoint.experiment);
    this.title.render(endpoint);
    this.algorithms.render(endpoint);
    this.experiment.render(this.#experiment, { canStart: endpoint.algorithms.filter(({ status }) => status !== "retired").length > 1 });
    const record = this.#schema ? exampleOf(this.#schema) : {};
    this.traffic.render(this.#histories.get(endpoint.name), predictLine(endpoint.name, record));
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
    this.#learnSchema(endpoint);
    if (endpoint.experiment === null) this.#recallTest(endpoint);
  }

  async #learnSchema({ id, name }) {
    const schema = await api.endpointSchema(id).catch(() => null);
    if (name !== this.#selected || !schema) return;
    this.#schema = schema;
    this.trial.change(name, schema);
    this.feed.change(schema.target?.classes ?? []);
    this.#soon();
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
    this.#experiment = null;
    this.#follow("experiment", topic, (snapshot) => this.#heardExperiment(snapshot));
  }

  /** What only a first snapshot holds is carried on and continued by those that follow. */
  #heardExperiment(snapshot) {
    const history = snapshot.history ?? this.#experiment?.history ?? null;
    this.#experiment = { ...snapshot, history };
    extend(history, snapshot);
    this.#soon();
  }

  #follow(kind, topic, listener) {
    const old = this.#topics[kind];
    if (old === topic) return;
    if (old) this.#socket.unsubscribe(old);
    this.#topics[kind] = topic;
    if (topic) this.#socket.subscribe(topic, (snapshot) => topic === this.#topics[kind] && listener(snapshot));
  }

  #start() {
    const endpoint = this.#chosen();
    if (endpoint) confirmStart(endpoint, (test) => this.#followTest(test.id));
  }

  #stop() {
    if (this.#experiment) confirmStop(this.#experiment, () => undefined);
  }
}

const MOST_POINTS = 400;

/** Adds the newest point; when there are too many, every second one goes. */
function extend(history, { evidence, arms }) {
  if (!history || !evidence) return;
  const n = arms.reduce((sum, arm) => sum + arm.labelled, 0);
  if (n <= (history.n.at(-1) ?? -1)) return;
  const point = { n, log_e: evidence.log_e, difference: evidence.difference, low: evidence.interval[0], high: evidence.interval[1] };
  for (const [field, value] of Object.entries(point)) {
    if (history[field].length >= MOST_POINTS) history[field] = history[field].filter((_, index) => index % 2 === 0);
    history[field].push(value);
  }
}

new Screen().open();
