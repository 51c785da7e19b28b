/** What every page has: the line to the server, the masthead, and one drawing a frame at most. */

import { History, total } from "./history.js";
import { LiveSocket, socketUrl } from "./socket.js";
import { Connection, River, Vitals } from "./parts/masthead.js";

export const at = (id) => document.getElementById(id);
export const endpointPage = (name) => `/endpoints/${name.split("/").map(encodeURIComponent).join("/")}`;
export const experimentPage = (id) => `/experiments/${id}`;

export class Shell {
  operations = null;
  histories = new Map();
  socket;
  #draw;
  #frame = 0;
  #vitals = new Vitals(at("vitals"));
  #river = new River(at("river"));

  /** `draw` is called with the next frame after something was heard. */
  constructor(draw) {
    this.#draw = draw;
    const connection = new Connection(at("connection"), at("deck"));
    this.socket = new LiveSocket(socketUrl("/ws/v1/live"), (state) => connection.render(state));
  }

  open() {
    this.socket.subscribe("operations", (snapshot) => this.#heard(snapshot));
    this.socket.connect();
  }

  #heard(operations) {
    for (const endpoint of operations.endpoints) {
      if (!this.histories.has(endpoint.name)) this.histories.set(endpoint.name, new History());
      const history = this.histories.get(endpoint.name);
      if (endpoint.history) history.replace(endpoint.history);
      else history.append(endpoint.tick);
    }
    this.operations = operations;
    this.soon();
  }

  /** However much arrives, a frame draws once; a hidden page draws nothing. */
  soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#masthead();
      this.#draw();
    });
  }

  #masthead() {
    if (!this.operations) return;
    this.#vitals.render(this.operations);
    this.#river.render(total(this.histories.values()));
  }
}
