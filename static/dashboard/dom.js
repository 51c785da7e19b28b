/** Elements, made and kept up to date. Text only ever becomes text: nothing here parses markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Changes the text only where it differs, so that selections and screen readers are left in peace. */
export function write(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/** A style by the object model, which the page's policy allows where a style attribute is refused. */
export function place(node, property, value) {
  if (node.style.getPropertyValue(property) !== value) node.style.setProperty(property, value);
}

/**
 * Rows that keep their identity: each item updates the row of its key, moved only when out of order.
 * `make(item)` answers {node, update(item)}.
 */
export class Rows {
  #parent;
  #make;
  #rows = new Map();

  constructor(parent, make) {
    this.#parent = parent;
    this.#make = make;
  }

  render(items, keyOf) {
    const wanted = new Set(items.map(keyOf));
    for (const [key, row] of this.#rows) if (!wanted.has(key)) this.#drop(key, row);
    let after = null;
    for (const item of items) after = this.#settle(item, keyOf(item), after);
  }

  #settle(item, key, after) {
    let row = this.#rows.get(key);
    if (!row) this.#rows.set(key, (row = this.#make(item)));
    row.update(item);
    const expected = after ? after.nextSibling : this.#parent.firstChild;
    if (expected !== row.node) this.#parent.insertBefore(row.node, expected);
    return row.node;
  }

  #drop(key, row) {
    this.#rows.delete(key);
    row.node.remove();
  }
}
