"""What a reference remembers of rows and answers, and that it survives being written down."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import numpy as np
import pytest

from inference.core.reference import Reference, confidence, said
from inference.core.schema import Feature, Schema, Target

PEOPLE = Schema(
    (Feature("age", "integer"), Feature("job", "category", ("clerk", "smith"))),
    Target("rich", "binary", ("no", "yes")),
)
ROWS = np.array([[20.0, 0.0], [30.0, 1.0], [40.0, nan], [nan, 0.0]])
OUTPUTS = np.array([[0.9, 0.1], [0.4, 0.6]])
REFERENCE = Reference.of(PEOPLE, ROWS, ROWS[:2], OUTPUTS)


def test_each_feature_is_counted_on_the_training_rows() -> None:
    age, job = REFERENCE.counts[:2]

    assert (sum(age), age[-2:]) == (4, (1, 0))
    assert job == (2, 1, 1, 0)


def test_answers_are_counted_on_the_rows_that_were_tried() -> None:
    score, label = REFERENCE.counts[2:]

    assert label == (1, 1, 0, 0)
    assert sum(score) == 2
    assert REFERENCE.confidence == pytest.approx((0.9 + 0.6) / 2)


def test_a_value_is_its_own_column_and_nobody_is_sure_of_it() -> None:
    schema = Schema(PEOPLE.features, Target("pay", "regression"))

    reference = Reference.of(schema, ROWS, ROWS[:0], np.empty((0, 1)))

    assert [each.name for each in reference.answers] == ["value"]
    assert reference.confidence is None


def test_of_three_classes_the_largest_probability_is_the_score() -> None:
    outputs = np.array([[0.2, 0.5, 0.3], [0.8, 0.1, 0.1]])

    assert said(outputs).tolist() == [[0.5, 1.0], [0.8, 0.0]]
    assert confidence(outputs) == pytest.approx(1.3)


def test_half_is_the_first_class_as_it_is_in_an_answer() -> None:
    assert said(np.array([[0.5, 0.5]])).tolist() == [[0.5, 0.0]]


def test_it_is_the_same_after_a_way_through_json() -> None:
    text = json.dumps(REFERENCE.to_json(), allow_nan=False)

    assert Reference.from_json(json.loads(text)) == REFERENCE


def test_nothing_is_no_reference() -> None:
    assert Reference.from_json({}) is None


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("format",), 2, "format 2"),
        (("features",), None, "no reference"),
        (("confidence",), 7, "not sure to 7"),
        (("confidence",), "very", "could not convert"),
        (("features", 0, "kind"), "colour", "unknown kind"),
        (("features", 0, "edges"), [2.0, 1.0], "do not rise"),
        (("features", 0, "edges"), list(range(200)), "more than 100 bins"),
        (("features", 0, "counts"), [1], "not those of its bins"),
        (("features", 1, "counts", 0), 10**30, "not those of its bins"),
        (("features", 1, "counts", 0), -1, "not those of its bins"),
        (("features", 0, "limits"), [10**400, 1], "no reference"),
        (("features", 1, "codes"), [7], "not those of its bins"),
    ],
)
def test_what_is_damaged_is_refused(
    path: tuple[str | int, ...], value: object, sentence: str
) -> None:
    data: Any = json.loads(json.dumps(REFERENCE.to_json()))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(ValueError, match=sentence):
        Reference.from_json(data)
