"""What a graph puts out is answered by name, and one text of it is what feedback is about."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from inference.core.graphanswers import GraphRenderer
from inference.core.graphs import Graph
from inference.core.routing import Algorithm
from inference.core.signature import Signature, Spec

INPUTS = (Spec("x", "FP32", (-1,)),)
ONE = Algorithm(3, "graph", "1.0", "production")


def renderer(*outputs: tuple[str, str, tuple[int, ...]]) -> GraphRenderer:
    signature = Signature(INPUTS, tuple(Spec(*each) for each in outputs))
    return GraphRenderer(Graph(signature).checked(), ONE)


def test_an_answer_is_one_object_with_each_output_by_name() -> None:
    one = renderer(("scores", "FP64", (-1, 2)), ("words", "BYTES", (-1, -1)), ("on", "BOOL", (-1,)))
    words = np.array([[b"a", 'ä"'.encode()]], dtype=object)

    texts = one.texts((np.array([[0.25, 0.75]]), words, np.array([True])))

    assert json.loads(one.answers(texts, [7])[0]) == {
        "outputs": {"scores": [0.25, 0.75], "words": ["a", 'ä"'], "on": True},
        "label": "1",
        "status": "OK",
        "request_id": 7,
        "algorithm": 3,
        "version": "1.0",
    }


def test_what_json_has_no_word_for_is_null_and_no_label() -> None:
    one = renderer(("p", "FP32", (-1, 2)))
    outputs = (np.array([[np.nan, 1], [np.inf, 1]], np.float32),)

    rows = [json.loads(text + "}") for text in one.texts(outputs)]

    assert [row["outputs"]["p"] for row in rows] == [[None, 1.0], [None, 1.0]]
    assert one.labels(outputs) == ["", "0"]


@pytest.mark.parametrize(
    ("outputs", "arrays", "labels"),
    [
        (
            [("label", "BYTES", (-1, 1))],
            [np.array([[b"dog"], [b"\xff"]], object)],
            ["dog", "\ufffd"],
        ),
        ([("label", "INT64", (-1,))], [np.array([2, -1])], ["2", "-1"]),
        ([("v", "FP64", (-1, 1))], [np.array([[0.1], [2.0]])], ["0.1", "2.0"]),
        ([("v", "BOOL", (-1,))], [np.array([True, False])], ["true", "false"]),
        ([("p", "FP64", (-1, -1))], [np.zeros((2, 0))], ["", ""]),
        ([("a", "FP64", (-1,)), ("b", "FP64", (-1,))], [np.ones(2), np.ones(2)], ["", ""]),
    ],
)
def test_the_label_is_a_text(outputs: Any, arrays: Any, labels: list[str]) -> None:
    one = renderer(*outputs)

    assert one.labels(tuple(arrays)) == labels
    assert [json.loads(text + "}")["label"] for text in one.texts(tuple(arrays))] == labels


def test_tensors_go_out_as_they_are() -> None:
    one = renderer(("a", "FP16", (-1, 2)), ("b", "BYTES", (-1,)))
    arrays = (np.ones((1, 2), np.float16), np.array([b"x"], object))

    found = one.tensors(arrays)

    assert [(each.name, each.datatype) for each in found] == [("a", "FP16"), ("b", "BYTES")]
    assert all(each.array is array for each, array in zip(found, arrays, strict=True))
    assert one.classes == ()
