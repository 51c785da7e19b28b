"""What a graph takes and gives is read from its file and found out by trying."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.core.errors import BundleInvalid
from inference.training import signatures
from tests.inference import graphs

PICKY = """picky (int64[N] at, float[N, 2] x) => (float[N, 2] y) {
    table = Constant<value = float[4, 1] {1.0, 2.0, 3.0, 4.0}>()
    back = Constant<value = int64 {5}>()
    there = Sub(at, back)
    weight = Gather(table, there)
    y = Mul(x, weight)
}"""
DICE = """dice (float[N] x) => (float[N] y) { r = RandomUniformLike(x) y = Add(x, r) }"""
UNSAID = "unsaid (float[N, 3] x) => (float y) { y = Identity(x) }"


def shapes(text: str, rows: list[Any] | None = None) -> tuple[bool, list[Any], list[Any]]:
    graph = graphs.tried(text, rows).graph
    inputs, outputs = graph.signature
    return graph.batched, [list(s.shape) for s in inputs], [list(s.shape) for s in outputs]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (graphs.TWO, (True, [[-1, 3], [-1]], [[-1, 3], [-1]])),
        (graphs.WORDS, (True, [[-1, -1], [-1]], [[-1, -1], [-1]])),
        (graphs.LOG, (True, [[-1, 1]], [[-1, 1]])),
        (graphs.FIXED, (False, [[-1, 3]], [[-1, 2]])),
        (graphs.BARE, (False, [[-1, 3], [-1, 2, 2]], [[-1], [-1, 2, 2]])),
        (graphs.CROWD, (False, [[-1, 2]], [[-1, 2]])),
        (graphs.SEQUENCE, (False, [[-1, -1]], [[-1]])),
    ],
)
def test_the_first_dimension_is_a_batch_if_it_behaves_like_one(text: str, found: Any) -> None:
    assert shapes(text) == found


def test_examples_are_tried_instead_of_drawn_rows() -> None:
    rows = [{"at": 5, "x": [1, 2]}, {"at": 8, "x": [1, 2]}]

    tried = graphs.tried(PICKY, rows)

    assert tried.answers[0].tolist() == [[1.0, 2.0], [4.0, 8.0]]
    assert tried.graph.batched


def test_one_example_is_enough_to_see_a_batch() -> None:
    assert shapes(graphs.LOG, [[2.0]])[0]


def test_what_drawn_rows_do_not_suit_says_how_to_give_others() -> None:
    with pytest.raises(BundleInvalid, match=r"fails on a row.*--rows tries it on others"):
        graphs.tried(PICKY)


@pytest.mark.parametrize("rows", [[{"at": 5}], [{"at": 5, "x": [1, 2, 3]}], [7]])
def test_examples_that_do_not_fit_are_refused(rows: list[Any]) -> None:
    with pytest.raises(BundleInvalid):
        graphs.tried(PICKY, rows)


def test_a_graph_that_answers_otherwise_each_time_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="golden rows"):
        graphs.tried(DICE)


def test_a_graph_without_inputs_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="no inputs"):
        graphs.tried("alone () => (float[1] y) { y = Constant<value = float[1] {1.0}>() }")


def test_an_output_that_is_called_like_the_answer_s_id_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="request_id"):
        graphs.tried("taken (float[N] x) => (float[N] request_id) { request_id = Identity(x) }")


def test_the_same_file_gives_the_same_rows() -> None:
    one, other = graphs.tried(graphs.TWO), graphs.tried(graphs.TWO)

    assert all(np.array_equal(a, b) for a, b in zip(one.inputs, other.inputs, strict=True))


def test_large_rows_are_kept_few() -> None:
    assert signatures.few((np.zeros((16, 100)),)) == 16
    assert signatures.few((np.zeros((16, 1 << 16)),)) == 2
    assert signatures.few((np.zeros((16, 1 << 20)),)) == 1
    assert signatures.few((np.full((3, 1), b"x" * 400_000, object),)) == 2
