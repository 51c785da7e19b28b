/** What the machinery does: queues, batches, refusals, workers. */

import { h, write } from "./dom.js";
import { duration } from "./format.js";
import { Machinery } from "./parts/machinery.js";
import { Workers } from "./parts/workers.js";
import { at, Shell } from "./shell.js";

const machinery = new Machinery(at("content"));
const place = h("section", { "aria-label": "Workers", class: "crew" });
at("content").append(place);
const workers = new Workers(place);

const shell = new Shell((operations) => {
  write(at("note"), `up for ${duration(operations.uptime_s)}`);
  machinery.render(operations, shell.histories);
  workers.render(operations);
});

shell.open();
