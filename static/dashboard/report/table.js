/** A panel that holds one table, whose rows keep their identity while their numbers run. */

import { h, show, write, attribute, Rows } from "../dom.js";

class Row {
  #cells;

  constructor(columns) {
    this.#cells = columns.map(({ head, number }) => (head ? h("th", { scope: "row" }) : h("td", { class: number ? "number" : null })));
    this.node = h("tr", {}, ...this.#cells);
  }

  update({ values, alarms = [] }) {
    values.forEach((value, index) => {
      write(this.#cells[index], value);
      attribute(this.#cells[index], "data-alarm", alarms.includes(index) ? "" : null);
    });
  }
}

export class Table {
  #root;
  #rows;
  #note = h("span", { class: "note" });

  /** `columns` are {name, head?, number?}; the first is mostly the row's head. */
  constructor(root, title, columns, note = "") {
    this.#root = root;
    const body = h("tbody");
    this.#rows = new Rows(body, () => new Row(columns));
    const heads = columns.map(({ name, number }) => h("th", { scope: "col", class: number ? "number" : null }, name));
    const table = h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body);
    root.append(h("header", {}, h("h2", {}, title), this.#note), h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `${title}, scrolls sideways` }, table));
    write(this.#note, note);
  }

  /** `rows` are {key, values, alarms?}; without any the panel is not there. */
  render(rows, note) {
    show(this.#root, rows.length > 0);
    this.#rows.render(rows, ({ key }) => key);
    if (note !== undefined) write(this.#note, note);
  }
}
