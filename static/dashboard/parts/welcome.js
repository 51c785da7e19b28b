/** What a newcomer sees on a server that serves nothing yet: what to type next. */

import { h } from "../dom.js";
import { command } from "./commands.js";

const step = (text, line) => h("li", {}, h("p", {}, text), command(line));

export class Welcome {
  /** `prefix` goes before a call of manage.py, where the profile must be named. */
  constructor(root, prefix) {
    root.append(
      h("h2", {}, "Nothing is served yet"),
      h("p", {}, "This page is live: whatever you register appears here within a second or two, without a reload."),
      h(
        "ol",
        {},
        step("Train two algorithms on data that ships with scikit-learn, and register them:", `${prefix}.venv/bin/python manage.py demo breast_cancer`),
        step("Send them labelled rows, and start an A/B test between the two:", "make traffic"),
        step("Or register a model of your own (ONNX, skops or joblib) with its schema:", `${prefix}.venv/bin/python manage.py register model.onnx --endpoint my_endpoint --name "my model" --version 0.0.1 --schema schema.json`),
      ),
    );
  }
}
