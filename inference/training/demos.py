"""The data of the demos, with the gaps and the categories that real rows have.

Three of them come with scikit-learn and are tables of numbers without a gap. So that every demo
walks the path of a missing value and of a category, one cell in fifty of every third column is
emptied, and a category is derived from a number that is in the row anyway. Neither adds
information; Adult ("income") has both by nature and is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from inference.training import dataset
from inference.training.dataset import SEED, Dataset, Rows

_EMPTIED = 0.02
_EVERY = 3

Columns = dict[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Demo:
    """One data set, and the endpoint that its algorithms answer at."""

    endpoint: str
    description: str
    rows: Callable[[Path | None], Rows]
    target: str

    def dataset(self, csv: Path | None = None) -> Dataset:
        """The rows of `csv`, if this demo reads one, else those it knows; always cut alike."""
        return dataset.split(self.target, self.rows(csv))


def held_out(name: str, csv: Path | None = None) -> Rows:
    """The rows no algorithm of this demo has seen, by the name of the demo or its endpoint."""
    return find(name).dataset(csv).held_out


def find(name: str) -> Demo:
    """By the demo's name or its endpoint; raises KeyError."""
    by_endpoint = {demo.endpoint: demo for demo in DEMOS.values()}
    return DEMOS.get(name) or by_endpoint[name]


def _breast_cancer(_: Path | None) -> Rows:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    columns = _numbers(data.data, [str(name).replace(" ", "_") for name in data.feature_names])
    columns["size"] = _bins(data.data[:, 0], (12.0, 15.0), ("small", "medium", "large"))
    columns["diagnosis"] = [str(name) for name in data.target_names[data.target]]
    return dataset.labelled(columns, "diagnosis")


def _digits(_: Path | None) -> Rows:
    from sklearn.datasets import load_digits

    data = load_digits()
    columns = _numbers(data.data, [str(name) for name in data.feature_names])
    columns["ink"] = _bins(data.data.sum(axis=1), (290.0, 340.0), ("light", "medium", "heavy"))
    rows = dataset.labelled(columns | {"digit": data.target}, "digit")
    return Rows(rows.records, [str(label) for label in rows.labels])


def _diabetes(_: Path | None) -> Rows:
    """`sex` is 1 or 2 in the source, which does not say which is which; it is a category."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    columns = _numbers(data.data, [str(name) for name in data.feature_names])
    sex = [f"sex {code}" for code in data.data[:, 1].astype(int)]
    weight = _bins(data.data[:, 2], (18.5, 25.0, 30.0), ("under", "normal", "over", "obese"))
    columns |= {"sex": sex, "weight_class": weight, "progression": data.target}
    return dataset.labelled(columns, "progression")


def _income(csv: Path | None) -> Rows:
    if csv is not None:
        return dataset.read_csv(csv, "income")
    from sklearn.datasets import fetch_openml

    data = fetch_openml("adult", version=2, as_frame=False, parser="liac-arff")
    names = [str(name) for name in data.feature_names]
    columns = {name: _named(data, name, data.data[:, at]) for at, name in enumerate(names)}
    return dataset.labelled(columns | {"income": list(data.target)}, "income")


def _named(data: Any, name: str, values: Sequence[float]) -> Sequence[object]:  # a bunch of sklearn
    """Categories come as numbers into a list of their names; NaN is missing."""
    categories = data.categories.get(name)
    if categories is None:
        return list(values)
    return [None if np.isnan(code) else categories[int(code)] for code in values]


def _numbers(matrix: np.ndarray[Any, Any], names: Sequence[str]) -> Columns:
    emptied = np.random.default_rng(SEED).random(matrix.shape) < _EMPTIED
    emptied[:, np.arange(matrix.shape[1]) % _EVERY != 0] = False
    holes = np.where(emptied, np.nan, matrix)
    return {name: holes[:, at].tolist() for at, name in enumerate(names)}


def _bins(values: Sequence[float], edges: Sequence[float], names: Sequence[str]) -> list[str]:
    return [names[int(at)] for at in np.digitize(values, edges)]


DEMOS: Final[Mapping[str, Demo]] = {
    "breast_cancer": Demo(
        "breast_cancer",
        "Is a breast mass malignant? From 30 measures of its cell nuclei (Wisconsin, 1995).",
        _breast_cancer,
        "diagnosis",
    ),
    "digits": Demo(
        "digits",
        "Which digit was written by hand? From 8 by 8 grey pixels (UCI, 1998).",
        _digits,
        "digit",
    ),
    "diabetes": Demo(
        "diabetes",
        "How far has diabetes progressed a year on? From ten measures (Efron et al., 2004).",
        _diabetes,
        "progression",
    ),
    "income": Demo(
        "income_classifier",
        "Does a person earn more than 50,000 dollars a year? From the census of 1994 (Adult).",
        _income,
        "income",
    ),
}
