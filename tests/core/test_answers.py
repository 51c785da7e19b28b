"""Answers have the tutorial's shape, and are JSON whatever the labels are called."""

from __future__ import annotations

import json

import numpy as np

from inference.core import answers
from inference.core.answers import Renderer
from inference.core.errors import RowInvalid
from inference.core.routing import Algorithm
from inference.core.schema import Target

FOREST = Algorithm(1, "forest", '0.0.1 "beta"', "production")
BINARY = Target("income", "binary", ("<=50K", ">50K"))


def answer(target: Target, *scores: list[float]) -> list[dict[str, object]]:
    renderer = Renderer(target, FOREST)
    rendered = renderer.rows(np.array(scores, dtype=np.float64))
    return [json.loads(renderer.answer(one, 40 + n)) for n, one in enumerate(rendered)]


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


def test_the_label_is_what_feedback_is_compared_with() -> None:
    (one,) = Renderer(BINARY, FOREST).rows(np.array([[0.1, 0.9]]))
    assert one.label == ">50K"
    assert json.loads(one.text + "}") == {"probability": 0.9, "label": ">50K", "status": "OK"}


def test_a_failed_row_says_why_and_where() -> None:
    label, text = answers.failure(RowInvalid('age must be a "number"', row=3, field="age"))
    assert label == "error"
    assert json.loads(text + "}") == {
        "status": "Error",
        "message": 'age must be a "number"',
        "code": "row_invalid",
        "field": "age",
    }
