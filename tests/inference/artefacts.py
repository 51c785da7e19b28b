"""Small models, made once for all the tests that need one."""

from __future__ import annotations

import functools
import io
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import Pipeline

from inference.bundles import Bundle
from inference.core.schema import Feature, Schema, Target
from inference.runtimes.base import Artefact, Kind
from inference.training import pack, train
from inference.training.dataset import Record, Rows
from inference.training.pack import Identity, Trial

KEY = b"a key for tests"
FEATURES = (
    Feature("age", "integer", minimum=18.0, maximum=90.0),
    Feature("work", "category", ("none", "office", "outdoors")),
    Feature("hours", "number", minimum=0.0, maximum=80.0),
)
SCHEMA = Schema(FEATURES, Target("income", "binary", ("high", "low")))
VALUES = Schema(FEATURES, Target("income", "regression"))
IDENTITY = Identity("income", "forest", "1.0", "tests", "A small forest.")


@functools.cache
def rows(count: int = 120) -> Rows:
    """Older people who work long earn more; some of it is unknown."""
    dice = np.random.default_rng(3)
    records: list[Record] = []
    for at in range(count):
        age, hours = int(dice.integers(18, 90)), round(float(dice.uniform(0, 80)), 2)
        work = str(dice.choice(["none", "office", "outdoors"]))
        records.append(
            {
                "age": None if at % 11 == 0 else age,
                "work": None if at % 7 == 0 else work,
                "hours": hours,
            }
        )
    labels = ["high" if float(str(r["hours"])) > 40 else "low" for r in records]
    return Rows(records, labels)


@functools.cache
def forest() -> Pipeline:
    model = RandomForestClassifier(5, random_state=1)
    return _fitted(model, SCHEMA, list(rows().labels))


@functools.cache
def regression() -> Pipeline:
    model = RandomForestRegressor(5, random_state=1)
    return _fitted(model, VALUES, [float(str(r["hours"])) * 3 for r in rows().records])


def dump(model: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def artefact(model: Any = None, schema: Schema = SCHEMA) -> Artefact:
    return Artefact(Kind.JOBLIB, dump(model or forest()), schema, libraries=pack.libraries())


@functools.cache
def bundle() -> Bundle:
    """A forest, compiled, beside its original."""
    return pack.pack(IDENTITY, artefact(), Trial(rows().records, "rows", rows()))


def _fitted(model: Any, schema: Schema, labels: list[Any]) -> Pipeline:
    pipeline = Pipeline([("prepare", train.prepare(schema)), ("model", model)])
    return pipeline.fit(schema.encode_many(rows().records), labels)
