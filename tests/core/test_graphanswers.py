"""A row's outputs by name, and which of them is its label."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from inference.core import graphanswers
from inference.core.graphanswers import GraphRenderer
from inference.core.graphs import Graph
from inference.core.routing import Algorithm
from inference.core.signature import Spec

ALGORITHM = Algorithm(3, "graph", "1.0", "production")
IN = (Spec("x", "FP32", (-1,)),)
S, L = Spec("scores", "FP32", (-1, 2)), Spec("label", "INT64", (-1,))
T, B = Spec("class", "BYTES", (-1, 1)), Spec("b", "BOOL", (-1,))
SCORES = np.array([[0.25, 0.75], [np.nan, np.inf]], np.float32)
TEXTS = np.array([[b"yes"], [b"no"]], dtype=object)


def renderer(*outputs: Spec) -> GraphRenderer:
    return GraphRenderer(Graph(IN, outputs), ALGORITHM)


@pytest.mark.parametrize(
    ("specs", "arrays", "labels"),
    [
        ((S, L), (SCORES, np.array([7, 8])), ["7", "8"]),
        ((T, S), (TEXTS, SCORES), ["yes", "no"]),
        ((S, B), (SCORES[:1], np.array([True])), ["1"]),
        ((B,), (np.array([True, False]),), ["true", "false"]),
        ((B, Spec("c", "BOOL", (-1,))), (np.array([True]), np.array([True])), [""]),
        ((Spec("v", "FP64", (-1, 1)),), (np.array([[0.5]]),), ["0.5"]),
    ],
)
def test_which_output_is_the_label(specs: Any, arrays: Any, labels: list[str]) -> None:
    assert renderer(*specs).labels(arrays) == labels


def test_an_answer_is_json_with_null_for_what_is_no_number() -> None:
    one = renderer(S, T)

    texts = one.answers(one.texts((SCORES, TEXTS)), [5, 6])

    assert [json.loads(text)["outputs"] for text in texts] == [
        {"scores": [0.25, 0.75], "class": ["yes"]},
        {"scores": [None, None], "class": ["no"]},
    ]
    assert json.loads(texts[0]) | {"outputs": 0} == {
        "outputs": 0,
        "label": "yes",
        "status": "OK",
        "request_id": 5,
        "algorithm": 3,
        "version": "1.0",
    }


def test_as_tensors_they_are_what_they_are() -> None:
    found = renderer(S, T).tensors((SCORES, TEXTS))

    assert [(each.name, each.datatype) for each in found] == [
        ("scores", "FP32"),
        ("class", "BYTES"),
    ]
    assert found[0].array is SCORES


def test_a_row_of_which_one_score_is_no_number_has_no_label() -> None:
    one = renderer(Spec("p", "FP32", (-1, 2)))

    assert one.labels((np.array([[np.nan, 1], [np.inf, 1]], np.float32),)) == ["", "0"]
    assert one.labels((np.zeros((2, 0), np.float32),)) == ["", ""]


@pytest.mark.parametrize(
    ("outputs", "task"),
    [
        ([Spec("v", "FP64", (-1, 1))], "regression"),
        ([Spec("label", "INT64", (-1,)), Spec("p", "FP32", (-1, 3))], "multiclass"),
        ([Spec("p", "FP32", (-1, 3))], "multiclass"),
        ([Spec("words", "BYTES", (-1, -1))], "multiclass"),
    ],
)
def test_floats_are_compared_by_their_distance_and_labels_by_the_word(
    outputs: list[Spec], task: str
) -> None:
    assert graphanswers.task(Graph((Spec("x", "FP32", (-1,)),), tuple(outputs))) == task
