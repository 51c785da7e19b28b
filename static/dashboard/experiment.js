/** The page of one test: everything about it, from the moment it started. */

import * as api from "./api.js";
import { show, write } from "./dom.js";
import { Followed } from "./followed.js";
import { ACTS } from "./parts/acts.js";
import { Experiment } from "./parts/experiment.js";
import { at, Shell } from "./shell.js";

const id = at("deck").dataset.experiment;
const followed = new Followed();
const part = new Experiment(at("content"), { herald: at("herald"), acts: { ...ACTS, start: () => undefined }, whole: true });

const shell = new Shell(() => {
  const { snapshot } = followed;
  if (!snapshot) return;
  show(at("content"), true);
  show(at("missing"), false);
  document.title = `${snapshot.experiment.title} · Weir`;
  write(at("path"), `on ${snapshot.experiment.endpoint}`);
  part.render(snapshot, { canStart: null });
});

shell.socket.subscribe(`experiment:${id}`, (snapshot) => {
  followed.heard(snapshot);
  shell.soon();
});
shell.open();
show(at("content"), false);
api.experiment(id).catch(() => show(at("missing"), true));
