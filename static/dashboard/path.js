/** The path of a test so far: what a first snapshot brought, continued by those that follow. */

const MOST_POINTS = 500;

/** The snapshot with its history, carried on from the one before where it brings none itself. */
export function continued(snapshot, before) {
  const same = before?.experiment.phase === snapshot.experiment.phase;
  const history = known(snapshot.history) ?? (same ? before.history : null);
  extend(history, snapshot);
  const events = snapshot.events ?? before?.events ?? null;
  return { ...snapshot, history, events };
}

function known(history) {
  return history && { ...history, n: history.n ?? history.labelled };
}

export const labelled = (arms) => arms.reduce((sum, arm) => sum + arm.labelled, 0);

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
