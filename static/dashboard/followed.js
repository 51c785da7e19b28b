/** One test that is followed: its newest snapshot, with the path that only the first one brings. */

const MOST_POINTS = 500;

export class Followed {
  snapshot = null;

  /** What only a first snapshot holds is carried on and continued by those that follow. */
  heard(snapshot) {
    const same = this.snapshot?.experiment.phase === snapshot.experiment.phase;
    const history = snapshot.history ?? (same ? this.snapshot.history : empty());
    const events = snapshot.events ?? this.snapshot?.events ?? null;
    this.snapshot = { ...snapshot, history, events };
    extend(history, snapshot);
  }
}

export const labelled = (arms) => arms.reduce((sum, arm) => sum + arm.labelled, 0);

/** Of a phase that just began. */
const empty = () => ({ n: [], log_e: [], difference: [], low: [], high: [] });

/** Adds the newest point; when there are too many, every second one goes. */
function extend(history, { evidence, arms }) {
  if (!history || !evidence) return;
  const n = labelled(arms);
  if (n <= (history.n.at(-1) ?? -1)) return;
  const point = { n, log_e: evidence.log_e, difference: evidence.difference, low: evidence.interval[0], high: evidence.interval[1] };
  for (const [field, value] of Object.entries(point)) {
    if (history[field].length >= MOST_POINTS) history[field] = history[field].filter((_, index) => index % 2 === 0);
    history[field].push(value);
  }
}
