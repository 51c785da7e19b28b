/** The last minutes of an endpoint, one point a second, as the server counted them. */

const FIELDS = ["t", "rate", "p50", "p99", "batch"];
const SECONDS = 600;

export class History {
  t = [];
  rate = [];
  p50 = [];
  p99 = [];
  batch = [];

  replace(columns) {
    for (const field of FIELDS) this[field] = [...columns[field]];
  }

  /** `tick` is {t, rate, p50, p99, batch}; a second that is already there changes nothing. */
  append(tick) {
    if (!tick || tick.t <= (this.t.at(-1) ?? 0)) return;
    for (const field of FIELDS) {
      this[field].push(tick[field]);
      if (this[field].length > SECONDS) this[field].shift();
    }
  }
}

/** One curve of the sum of all rates, the newest second last. */
export function total(histories) {
  const sums = new Map();
  for (const { t, rate } of histories) t.forEach((second, index) => sums.set(second, (sums.get(second) ?? 0) + rate[index]));
  return [...sums.entries()].sort(([a], [b]) => a - b).map(([, rate]) => rate);
}
