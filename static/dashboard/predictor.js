/** Predictions over the WebSocket: opened when first needed, one promise for each frame. */

import { socketUrl } from "./socket.js";

const PATIENCE_MS = 15000;

export class PredictionFailed extends Error {
  constructor({ code, message, field }) {
    super(message ?? code);
    this.code = code;
    this.field = field;
  }
}

export class Predictor {
  #url;
  #socket = null;
  #opening = null;
  #waiting = new Map();
  #id = 0;

  constructor(endpoint) {
    this.#url = socketUrl(`/ws/v1/predict/${encodeURIComponent(endpoint)}`);
  }

  /** {result, milliseconds}; rejects with PredictionFailed. */
  async predict(record, subject) {
    await this.#open();
    const id = (this.#id += 1);
    const asked = performance.now();
    const frame = subject ? { id, record, subject } : { id, record };
    const result = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, { type: "error", code: "deadline_exceeded", message: "No answer came in time." }), PATIENCE_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify(frame));
    });
    return { result, milliseconds: performance.now() - asked };
  }

  close() {
    this.#socket?.close();
  }

  #open() {
    if (this.#socket?.readyState === WebSocket.OPEN) return Promise.resolve();
    this.#opening ??= new Promise((resolve, reject) => {
      const socket = (this.#socket = new WebSocket(this.#url, "weir.v1.json"));
      socket.onmessage = (event) => this.#heard(JSON.parse(event.data), resolve);
      socket.onclose = () => {
        reject(new PredictionFailed({ code: "closed", message: "The prediction socket could not be opened." }));
        this.#closed();
      };
    }).finally(() => (this.#opening = null));
    return this.#opening;
  }

  #heard(message, ready) {
    if (message.type === "hello") ready();
    else if (message.id !== undefined && message.id !== null) this.#settle(message.id, message);
  }

  #settle(id, message) {
    const waiter = this.#waiting.get(id);
    if (!waiter) return;
    this.#waiting.delete(id);
    clearTimeout(waiter.timer);
    if (message.type === "result") waiter.resolve(message.result);
    else waiter.reject(new PredictionFailed({ code: message.type, ...message }));
  }

  #closed() {
    const gone = { type: "error", code: "closed", message: "The connection closed before the answer came." };
    for (const id of [...this.#waiting.keys()]) this.#settle(id, gone);
    this.#socket = null;
  }
}
