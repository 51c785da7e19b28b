/** All tests, the newest first; those that run say what they have found so far. */

import * as api from "./api.js";
import { Listing } from "./parts/listing.js";
import { write } from "./dom.js";
import { at, Shell } from "./shell.js";

const AGAIN = 10_000; // milliseconds between two looks for tests that began or ended
const MOST_FOLLOWED = 24;

const listing = new Listing(at("content"));
const snapshots = new Map();
let tests = [];

const shell = new Shell(() => {
  const running = tests.filter((test) => test.ended_at === null).length;
  write(at("note"), tests.length ? `${running} of ${tests.length} running` : "");
  listing.render(tests, snapshots);
});

async function look() {
  tests = (await api.tests().catch(() => tests)).toSorted((a, b) => b.id - a.id);
  for (const test of tests.slice(0, MOST_FOLLOWED)) follow(test.id);
  shell.soon();
}

function follow(id) {
  if (snapshots.has(id)) return;
  snapshots.set(id, null);
  shell.socket.subscribe(`experiment:${id}`, (snapshot) => {
    snapshots.set(id, snapshot);
    shell.soon();
  });
}

shell.open();
look();
setInterval(look, AGAIN);
