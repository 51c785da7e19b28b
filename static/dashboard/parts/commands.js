/** Lines to paste into a terminal, each with a button that copies it. */

import { h, write } from "../dom.js";

export function command(text) {
  const code = h("code", { tabindex: "0" }, text);
  const button = h("button", { type: "button", onclick: () => copy(code.textContent, button) }, "Copy");
  const node = h("div", { class: "command" }, code, button);
  node.change = (changed) => write(code, changed);
  return node;
}

async function copy(text, button) {
  const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  write(button, done ? "Copied" : "Select it");
  setTimeout(() => write(button, "Copy"), 1600);
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A curl line that works as it stands in a POSIX shell. */
export function predictLine(endpoint, record) {
  const url = `${location.origin}/api/v1/${encodeURIComponent(endpoint)}/predict`;
  return `curl -s ${quoted(url)} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(record))}`;
}

export function labelLine(requestId, label) {
  return `curl -s -X PUT ${quoted(`${location.origin}/api/v1/mlrequests/${requestId}`)} -d ${quoted(`feedback=${label}`)}`;
}
