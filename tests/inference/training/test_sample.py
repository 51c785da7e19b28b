"""Drawn rows fit their schema; edge rows try what rows do not."""

from __future__ import annotations

import numpy as np

from inference.core.schema import Feature, Schema
from inference.training import sample
from tests.inference import artefacts

SCHEMA = artefacts.SCHEMA


def test_drawn_rows_fit_the_schema_and_stay_within_it() -> None:
    matrix = SCHEMA.encode_many(sample.drawn(SCHEMA))

    assert matrix.shape == (256, 3)
    assert not np.isnan(matrix).any()
    assert matrix.min(axis=0).tolist() >= [18.0, 0.0, 0.0]
    assert matrix.max(axis=0).tolist() <= [90.0, 2.0, 80.0]


def test_whole_numbers_are_drawn_whole_and_every_category_is_drawn() -> None:
    rows = sample.drawn(SCHEMA)

    assert all(float(str(row["age"])).is_integer() for row in rows)
    assert {row["work"] for row in rows} == {"none", "office", "outdoors"}


def test_the_same_rows_are_drawn_again() -> None:
    assert sample.drawn(SCHEMA) == sample.drawn(SCHEMA)


def test_a_feature_without_a_range_is_drawn_too() -> None:
    bare = Schema((Feature("x", "number"),), SCHEMA.target)

    assert len(sample.drawn(bare, 3)) == 3


def test_the_edges_are_nothing_at_all_and_never_seen() -> None:
    first = artefacts.rows().records[1]

    nothing, strange = sample.edges(SCHEMA, first)

    assert np.isnan(SCHEMA.encode(nothing)).all()
    assert SCHEMA.encode(strange)[1] == 3.0  # one past the last category


def test_without_categories_nothing_can_be_unseen() -> None:
    numbers = Schema((Feature("x", "number"),), SCHEMA.target)

    assert sample.edges(numbers, {"x": 1.0}) == [{"x": None}]
