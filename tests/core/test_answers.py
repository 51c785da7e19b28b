"""Answers have the tutorial's shape, and are JSON whatever the labels are called."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inference.core import answers
from inference.core.answers import TableRenderer
from inference.core.errors import RowInvalid
from inference.core.routing import Algorithm
from inference.core.schema import Target

FOREST = Algorithm(1, "forest", '0.0.1 "beta"', "production")
BINARY = Target("income", "binary", ("<=50K", ">50K"))


def answer(target: Target, *scores: list[float]) -> list[dict[str, object]]:
    renderer = TableRenderer(target, FOREST)
    texts = renderer.texts((np.array(scores, dtype=np.float64),))
    return [json.loads(text) for text in renderer.answers(texts, range(40, 40 + len(scores)))]


def test_two_classes() -> None:
    assert answer(BINARY, [0.25, 0.75], [0.5, 0.5]) == [
        {
            "probability": 0.75,
            "label": ">50K",
            "status": "OK",
            "request_id": 40,
            "algorithm": 1,
            "version": '0.0.1 "beta"',
        },
        {
            "probability": 0.5,
            "label": "<=50K",
            "status": "OK",
            "request_id": 41,
            "algorithm": 1,
            "version": '0.0.1 "beta"',
        },
    ]


def test_many_classes() -> None:
    (found,) = answer(Target("digit", "multiclass", ("0", '"', "é")), [0.125, 0.5, 0.375])
    assert found["label"] == '"'
    assert found["probability"] == 0.5
    assert found["probabilities"] == {"0": 0.125, '"': 0.5, "é": 0.375}


def test_a_number() -> None:
    (found,) = answer(Target("progress", "regression"), [1e-07])
    assert (found["value"], found["label"], found["status"]) == (1e-07, "1e-07", "OK")


@pytest.mark.parametrize(
    ("target", "scores", "labels"),
    [
        (BINARY, [[0.1, 0.9], [0.5, 0.5]], [">50K", "<=50K"]),
        (
            Target("d", "multiclass", ("a", "b", "c")),
            [[0.2, 0.3, 0.5], [0.4, 0.4, 0.2]],
            ["c", "a"],
        ),
        (Target("p", "regression"), [[1.5], [1e-07]], ["1.5", "1e-07"]),
    ],
)
def test_the_label_is_what_feedback_is_compared_with(
    target: Target, scores: list[list[float]], labels: list[str]
) -> None:
    matrix = np.array(scores)
    renderer = TableRenderer(target, FOREST)
    assert renderer.labels((matrix,)) == labels
    assert [json.loads(f"{text}}}")["label"] for text in renderer.texts((matrix,))] == labels


def test_a_failed_row_says_why_and_where() -> None:
    text = answers.failure(RowInvalid('age must be a "number"', row=3, field="age"))
    assert json.loads(f"{text}}}") == {
        "status": "Error",
        "message": 'age must be a "number"',
        "code": "row_invalid",
        "field": "age",
    }


def test_an_answer_comes_from_the_log_to_the_byte() -> None:
    renderer = TableRenderer(BINARY, FOREST)
    said = renderer.texts((np.array([[0.25, 0.75]]),))
    failed = [answers.failure(RowInvalid("no"))]

    for text in (*said, *failed):
        [answer] = renderer.answers([text], [7])
        assert answers.replayed(f"{text}}}", 7, FOREST.id, FOREST.version) == answer
