/** The page's subscription to live topics: it reconnects by itself and resyncs by snapshot. */

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 8000;
/** The operations topic speaks every second; so long without a word means the line is dead. */
const SILENCE_MS = 6000;

export const socketUrl = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

export class LiveSocket {
  #url;
  #onState;
  #topics = new Map();
  #socket = null;
  #failures = 0;
  #retry = 0;
  #watch = 0;

  /** `onState(state, delayMs)` hears "connecting", "live" or "lost". */
  constructor(url, onState) {
    this.#url = url;
    this.#onState = onState;
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => document.hidden || this.retry());
  }

  connect() {
    clearTimeout(this.#retry);
    this.#onState("connecting", 0);
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(JSON.parse(event.data));
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  /** Now instead of at the end of the delay; nothing if the line is up. */
  retry() {
    if (this.#socket === null) this.connect();
  }

  subscribe(topic, listener) {
    this.#topics.set(topic, { listener, seq: -1 });
    this.#send({ subscribe: topic });
  }

  unsubscribe(topic) {
    if (this.#topics.delete(topic)) this.#send({ unsubscribe: topic });
  }

  #opened() {
    for (const [topic, entry] of this.#topics) {
      // A restarted server counts from the beginning again.
      entry.seq = -1;
      this.#send({ subscribe: topic });
    }
    this.#listen();
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#hangUp(), SILENCE_MS);
  }

  #heard(message) {
    this.#listen();
    if (message.type === "error") console.warn(`live: ${message.code}: ${message.message}`);
    if (message.type !== "snapshot") return;
    this.#failures = 0;
    this.#onState("live", 0);
    this.#deliver(message);
  }

  #deliver(message) {
    const entry = this.#topics.get(message.topic);
    if (!entry || message.seq < entry.seq) return;
    // Snapshots are cumulative, so a gap corrupts nothing; what only a first one holds is fetched again.
    if (entry.seq >= 0 && message.seq > entry.seq + 1) this.#send({ subscribe: message.topic });
    entry.seq = message.seq;
    entry.listener(message);
  }

  #hangUp() {
    const socket = this.#socket;
    this.#lost();
    socket?.close();
  }

  #lost() {
    clearTimeout(this.#watch);
    this.#socket = null;
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#onState("lost", delay);
    this.#retry = setTimeout(() => this.connect(), delay);
  }
}
