/** The page of one test: everything about it, from the moment it started. */

import * as api from "./api.js";
import { show, write } from "./dom.js";
import { Drifts } from "./drifts.js";
import { Followed } from "./followed.js";
import { ACTS } from "./parts/acts.js";
import { Drift } from "./parts/drift.js";
import { Experiment } from "./parts/experiment.js";
import { at, Shell } from "./shell.js";

const id = at("deck").dataset.experiment;
const followed = new Followed();
const part = new Experiment(at("content"), { herald: at("herald"), acts: { ...ACTS, start: () => undefined }, whole: true });

const drift = new Drift(at("drift"));
const drifts = new Drifts((body) => drift.render(body, new Set((followed.snapshot?.arms ?? []).map(({ algorithm }) => algorithm))));

/** A test knows its endpoint by name, drift is asked for by id. */
function watch({ operations }, name) {
  const endpoint = operations.endpoints.find((each) => each.name === name);
  show(at("drift"), Boolean(endpoint));
  drifts.follow(endpoint?.id ?? null);
}

const shell = new Shell(() => {
  const { snapshot } = followed;
  if (!snapshot) return;
  show(at("content"), true);
  show(at("missing"), false);
  document.title = `${snapshot.experiment.title} · Weir`;
  write(at("path"), `on ${snapshot.experiment.endpoint}`);
  part.render(snapshot, { canStart: null });
  watch(shell, snapshot.experiment.endpoint);
});

shell.socket.subscribe(`experiment:${id}`, (snapshot) => {
  followed.heard(snapshot);
  shell.soon();
});
shell.open();
show(at("content"), false);
show(at("drift"), false);
api.experiment(id).catch(() => show(at("missing"), true));
