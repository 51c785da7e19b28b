"""The two recipes learn something, and the same thing every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.core.schema import Feature, Schema
from inference.training import train
from inference.training.dataset import Rows
from tests.inference import artefacts

SCHEMA = artefacts.SCHEMA
NAN = float("nan")


@pytest.mark.parametrize("name", train.RECIPES)
def test_a_forest_has_a_hundred_trees_and_serves_on_one_thread(name: str) -> None:
    pipeline: Any = train.fit(train.RECIPES[name], SCHEMA, artefacts.rows())

    assert len(pipeline["model"].estimators_) == 100
    assert pipeline["model"].n_jobs is None
    assert list(pipeline.classes_) == ["high", "low"]


@pytest.mark.parametrize("name", train.RECIPES)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    recipe = train.RECIPES[name]
    first, again = (train.dump(train.fit(recipe, SCHEMA, artefacts.rows())) for _ in range(2))

    assert first == again
    assert first != train.dump(train.fit(recipe, SCHEMA, artefacts.rows(), seed=1))


def test_quantities_get_a_regressor() -> None:
    rows = artefacts.rows()
    model = train.fit(
        train.RECIPES["extra trees"], artefacts.VALUES, Rows(rows.records, [1.0] * len(rows))
    )

    assert model.predict(np.zeros((2, 3))).tolist() == [1.0, 1.0]


def test_a_gap_is_the_median_and_a_missing_category_is_one_of_its_own() -> None:
    prepare = train.prepare(SCHEMA).fit(
        np.array([[20.0, 0.0, 1.0], [30.0, 1.0, 2.0], [70.0, 2.0, 9.0]])
    )

    rows = prepare.transform(
        np.array([[NAN, NAN, NAN], [40.0, 1.0, 5.0], [40.0, 3.0, 5.0]])
    ).tolist()

    # age, hours, then: missing, none, office, outdoors
    assert rows == [
        [30.0, 2.0, 1.0, 0.0, 0.0, 0.0],
        [40.0, 5.0, 0.0, 0.0, 1.0, 0.0],
        [40.0, 5.0, 0.0, 0.0, 0.0, 0.0],
    ]


def test_numbers_alone_need_no_columns_of_categories() -> None:
    schema = Schema((Feature("x", "number"),), SCHEMA.target)

    assert type(train.prepare(schema)).__name__ == "SimpleImputer"
