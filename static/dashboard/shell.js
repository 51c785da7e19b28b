/** What every page has: the socket, the figures in the masthead, and one drawing a frame. */

import { History, total } from "./history.js";
import { LiveSocket, socketUrl } from "./socket.js";
import { Connection, River, Vitals } from "./parts/masthead.js";

export const at = (id) => document.getElementById(id);

export class Shell {
  histories = new Map();
  operations = null;
  socket;
  #connection = new Connection(at("connection"), at("deck"));
  #vitals = new Vitals(at("vitals"));
  #river = new River(at("river"));
  #draw;
  #frame = 0;

  /** `draw` is called with the frame after something arrived, once operations are known. */
  constructor(draw) {
    this.#draw = draw;
    this.socket = new LiveSocket(socketUrl("/ws/v1/live"), (state) => this.#connection.render(state));
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
      if (!this.operations) return;
      this.#vitals.render(this.operations);
      this.#river.render(total(this.histories.values()));
      this.#draw(this.operations);
    });
  }
}
