/** A form that follows from an endpoint's schema: one field for each feature, empty means missing. */

import { h, attribute } from "../dom.js";

/** More features than this scroll in their own window; very many are a grid of cells, not a list of questions. */
const [LONG, CROWD] = [16, 40];

class Field {
  constructor(feature, index) {
    this.feature = feature;
    const id = `feature-${index}`;
    this.input = feature.kind === "category" ? choices(feature, id) : numeric(feature, id);
    this.input.addEventListener("input", () => this.complain(false));
    this.node = h("label", { class: "feature", for: id }, h("span", { title: feature.name }, feature.name), this.input);
  }

  /** What is sent: null where nothing was chosen; the server judges the rest, as it does for everybody. */
  get value() {
    const text = this.input.value.trim();
    if (text === "") return null;
    return this.feature.kind === "category" || Number.isNaN(Number(text)) ? text : Number(text);
  }

  set value(value) {
    this.input.value = value === null || value === undefined ? "" : String(value);
    this.complain(false);
  }

  /** What is wrong stands where answers stand, so that the form does not move under the hand. */
  complain(wrong) {
    attribute(this.input, "aria-invalid", wrong ? "true" : null);
    attribute(this.input, "aria-describedby", wrong ? "answer-problem" : null);
  }
}

function choices({ categories, required }, id) {
  const none = h("option", { value: "" }, required ? "choose" : "missing");
  return h("select", { id }, none, ...categories.map((category) => h("option", { value: category }, category)));
}

function numeric({ minimum, maximum, kind }, id) {
  const known = minimum !== undefined && minimum !== null && maximum !== undefined && maximum !== null;
  const range = known ? `${short(minimum)} … ${short(maximum)}` : "missing";
  return h("input", { id, type: "text", inputmode: kind === "integer" ? "numeric" : "decimal", placeholder: range, autocomplete: "off", spellcheck: "false" });
}

const short = (value) => Number(value.toPrecision(4)).toLocaleString("en", { useGrouping: false, maximumSignificantDigits: 4 });

/** A row that makes sense: the schema's own example, else the middle of each range and the first category; of tensors nothing in particular. */
export function exampleOf(schema) {
  if (schema.graph) return Object.fromEntries(schema.graph.inputs.map(({ name, datatype, shape }) => [name, nothing(datatype, shape.slice(1))]));
  return Object.fromEntries(schema.features.map((feature) => [feature.name, exampleValue(feature)]));
}

/** A tensor of one row; a size that may be any is 1. */
function nothing(datatype, [size, ...rest]) {
  if (size !== undefined) return Array.from({ length: Math.abs(size) }, () => nothing(datatype, rest));
  return { BYTES: "", BOOL: false }[datatype] ?? 0;
}

function exampleValue({ example, kind, categories, minimum, maximum }) {
  if (example !== undefined && example !== null) return example;
  if (kind === "category") return categories[0];
  if (typeof minimum !== "number" || typeof maximum !== "number") return 0;
  const middle = (minimum + maximum) / 2;
  return kind === "integer" ? Math.round(middle) : Number(middle.toPrecision(4));
}

export class Form {
  #fields;
  node;

  constructor(schema) {
    this.#fields = schema.features.map((feature, index) => new Field(feature, index));
    const count = schema.features.length;
    const form = count > CROWD ? "features long crowded" : count > LONG ? "features long" : "features";
    this.node = h("div", { class: form, tabindex: "-1" }, ...this.#fields.map((field) => field.node));
  }

  get record() {
    return Object.fromEntries(this.#fields.map((field) => [field.feature.name, field.value]));
  }

  set record(record) {
    for (const field of this.#fields) field.value = record[field.feature.name];
  }

  complain(name) {
    const field = this.#fields.find((candidate) => candidate.feature.name === name);
    field?.complain(true);
    field?.input.focus();
  }

  forgive() {
    for (const field of this.#fields) field.complain(false);
  }
}
