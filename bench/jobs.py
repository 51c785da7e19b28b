"""The three jobs that ours and the peers do: each a model, its schema, 64 held-out rows."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from bench.lesson import ROWS, SEED
from bench.problem import BenchFailed
from bench.workload import Workload

LINEAR: Final = "linear"
FOREST: Final = "forest"
BOOSTING: Final = "boosting"
SAID: Final = {
    LINEAR: "logistic regression, breast cancer, 30 floats",
    FOREST: "forest of 100 trees, breast cancer, 30 floats",
    BOOSTING: "gradient boosting of 100 trees, Adult, 6 numbers and 8 categories",
}
_MISSING: Final = "?"


@dataclass(frozen=True, slots=True)
class Data:
    """Rows as people write them; `categories` of the columns that are no numbers."""

    names: Sequence[str]
    categories: Mapping[str, Sequence[str]]
    target: str
    rows: Sequence[Sequence[Any]]
    labels: Sequence[str]

    def coded(self, rows: Sequence[Sequence[Any]]) -> np.ndarray[Any, Any]:
        """What the model reads: a category is the number of its place in the list."""
        places = [self._places(name) for name in self.names]
        return np.array([_coded(row, places) for row in rows], dtype=np.float64)

    def _places(self, name: str) -> Mapping[str, int] | None:
        found = self.categories.get(name)
        return None if found is None else {value: at for at, value in enumerate(found)}


@dataclass(frozen=True, slots=True)
class Job:
    """`folder` holds what contenders load; `matrix` is the work's rows as the model reads them."""

    name: str
    folder: Path
    work: Workload
    matrix: Sequence[Sequence[float]]


def prepare(name: str, home: Path) -> Job:
    """Train, and leave in a folder under `home` what the contenders load.

    Raises BenchFailed where the data is not there.
    """
    data, model = _LESSONS[name]()
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    split = train_test_split(data.rows, data.labels, test_size=0.2, random_state=SEED)
    train, held, known = list(split[0]), _whole(split[1])[:ROWS], split[2]
    model.fit(data.coded(train), known)
    joblib.dump(model, folder / "model.joblib")
    classes = tuple(str(each) for each in model.classes_)
    _write(folder, data, classes)
    _write_frames(folder, data, model, (train, known))
    matrix = data.coded(held)
    expected = model.predict_proba(matrix)[:, 1].tolist()
    return Job(name, folder, Workload(tuple(data.names), classes, held, expected), matrix.tolist())


def _write(folder: Path, data: Data, classes: Sequence[str]) -> None:
    """`model.schema.json` is for ours, `job.json` for the peers."""
    features = [
        {"name": name, "kind": "category", "categories": list(data.categories[name])}
        if name in data.categories
        else {"name": name, "kind": "number"} | _range(data, at)
        for at, name in enumerate(data.names)
    ]
    target = {"name": data.target, "task": "binary", "classes": list(classes)}
    told = {"names": data.names, "classes": classes, "categories": data.categories}
    schema = json.dumps({"features": features, "target": target})
    (folder / "model.schema.json").write_text(schema, encoding="utf-8")
    (folder / "job.json").write_text(json.dumps(told), encoding="utf-8")


def _range(data: Data, at: int) -> dict[str, float]:
    values = [float(row[at]) for row in data.rows]
    return {"minimum": min(values), "maximum": max(values)}


def _write_frames(folder: Path, data: Data, model: Any, lesson: tuple[Any, Any]) -> None:
    """The same model behind a data frame, which is what the tutorial reads."""
    rows, labels = lesson
    frame = pd.DataFrame(rows, columns=list(data.names))
    columns = list(data.categories)
    values = [list(data.categories[name]) for name in columns]
    encoder = OrdinalEncoder(
        categories=values, handle_unknown="use_encoded_value", unknown_value=np.nan
    )
    turned = ColumnTransformer(
        [("codes", encoder, columns)], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    again = _ordered(turned, data, clone(model)) if columns else clone(model)
    joblib.dump(again.fit(frame, labels), folder / "of_frames.joblib")
    joblib.dump(dict(frame.mean(numeric_only=True)), folder / "means.joblib")


def _ordered(turned: ColumnTransformer, data: Data, model: Any) -> Any:
    """Columns in the order of the schema, so that it is the same model."""
    same = ColumnTransformer([("all", "passthrough", list(data.names))])
    return make_pipeline(turned, same, model)


def _coded(row: Sequence[Any], places: Sequence[Mapping[str, int] | None]) -> list[float]:
    return [
        float(value) if known is None else float(known.get(value, "nan"))
        for value, known in zip(row, places, strict=True)
    ]


def _whole(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Those without a gap: not every peer's JSON can say that a value is missing."""
    return [row for row in rows if _MISSING not in row]


# -- the lessons -----------------------------------------------------------------------------------


def _cancer() -> Data:
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    labels = data.target_names[data.target].astype(str).tolist()
    return Data(names, {}, "diagnosis", data.data.tolist(), labels)


def _adult() -> Data:
    path = os.environ.get("ADULT_CSV", "")
    if not path:
        raise BenchFailed("ADULT_CSV names no file")
    with Path(path).open(encoding="utf-8", newline="") as file:
        head, *lines = csv.reader(file, skipinitialspace=True)
    lines = [line for line in lines if len(line) == len(head)]
    names = head[:-1]
    numeric = {at for at in range(len(names)) if _is_number(lines[0][at])}
    rows = [[_value(line[at], at in numeric) for at in range(len(names))] for line in lines]
    categories = {
        name: sorted({line[at] for line in lines} - {_MISSING})
        for at, name in enumerate(names)
        if at not in numeric
    }
    return Data(names, categories, head[-1], rows, [line[-1] for line in lines])


def _value(text: str, numeric: bool) -> float | str:
    return float(text) if numeric else text


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def _linear() -> tuple[Data, Any]:
    return _cancer(), make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def _forest() -> tuple[Data, Any]:
    return _cancer(), RandomForestClassifier(n_estimators=100, random_state=SEED)


def _boosting() -> tuple[Data, Any]:
    trees = GradientBoostingClassifier(n_estimators=100, random_state=SEED)
    return _adult(), make_pipeline(SimpleImputer(strategy="most_frequent"), trees)


_LESSONS: Final[Mapping[str, Callable[[], tuple[Data, Any]]]] = {
    LINEAR: _linear,
    FOREST: _forest,
    BOOSTING: _boosting,
}
