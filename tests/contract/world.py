"""What every door is asked about: the tutorial's endpoint with small models of the same shape."""

from __future__ import annotations

import functools
import io
from typing import Any, Final

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from inference.bundles import Bundle
from inference.core.lifecycle import Status
from inference.core.schema import Feature, Schema, Target
from inference.management import publish
from inference.runtimes.base import Artefact, Kind
from inference.training import pack, train
from inference.training.dataset import Record, Rows
from inference.training.pack import Identity, Trial

ENDPOINT: Final = "income_classifier"
OTHER: Final = "other_classifier"
FOREST, TREES, SINGLE, ELSEWHERE = 1, 2, 3, 4

LOW, HIGH = "<=50K", ">50K"
WORKCLASSES: Final = ("Private", "Self-emp-inc", "Without-pay")
SCHEMA: Final = Schema(
    (
        Feature("age", "integer"),
        Feature("workclass", "category", WORKCLASSES),
        Feature("education-num", "integer"),
        Feature("hours-per-week", "number"),
    ),
    Target("income", "binary", (LOW, HIGH)),
)
RECORD: Final[dict[str, Any]] = {
    "age": 37,
    "workclass": "Private",
    "education-num": 10,
    "hours-per-week": 40,
}

_FOREST: Final = RandomForestClassifier(5, random_state=1)
_MODELS: Final = (
    (ENDPOINT, "random forest", _FOREST, Status.PRODUCTION),
    (ENDPOINT, "extra trees", ExtraTreesClassifier(5, random_state=1), Status.TESTING),
    (ENDPOINT, "single tree", DecisionTreeClassifier(max_depth=4, random_state=1), Status.TESTING),
    (OTHER, "random forest", _FOREST, Status.PRODUCTION),
)


def register() -> None:
    """In a database that holds no algorithm yet: their ids are those that scripts hard-code."""
    ids = [publish.publish(bundle, status, "tests")[0].pk for bundle, status in _bundles()]
    assert ids == [FOREST, TREES, SINGLE, ELSEWHERE]


@functools.cache
def _bundles() -> list[tuple[Bundle, Status]]:
    rows = _rows()
    return [
        (pack.pack(_identity(endpoint, name), _artefact(model, rows), _trial(rows)), status)
        for endpoint, name, model, status in _MODELS
    ]


def _identity(endpoint: str, name: str) -> Identity:
    return Identity(endpoint, name, "0.0.1", "Piotr", f"A {name}.", "class Classifier: ...")


def _trial(rows: Rows) -> Trial:
    return Trial(rows.records, "rows", rows)


def _artefact(model: Any, rows: Rows) -> Artefact:
    pipeline = Pipeline([("prepare", train.prepare(SCHEMA)), ("model", clone(model))])
    pipeline.fit(SCHEMA.encode_many(rows.records), list(rows.labels))
    file = io.BytesIO()
    joblib.dump(pipeline, file)
    return Artefact(Kind.JOBLIB, file.getvalue(), SCHEMA, libraries=pack.libraries())


def _rows(count: int = 200) -> Rows:
    """Long years at school and long hours at work pay; a tenth of the ages is unknown."""
    dice = np.random.default_rng(7)
    records: list[Record] = []
    labels: list[str] = []
    for at in range(count):
        years, hours = int(dice.integers(1, 17)), round(float(dice.uniform(5, 80)), 1)
        records.append(
            {
                "age": None if at % 10 == 0 else int(dice.integers(17, 90)),
                "workclass": None if at % 9 == 0 else str(dice.choice(WORKCLASSES)),
                "education-num": years,
                "hours-per-week": hours,
            }
        )
        labels.append(HIGH if years * hours > 450 else LOW)
    return Rows(records, labels)
