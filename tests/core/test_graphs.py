"""A row of a graph fits its tensors, or a sentence names the tensor that it does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.core.datatypes import Tensor, named, texts
from inference.core.errors import JsonInvalid, RowInvalid
from inference.core.graphs import Graph, GraphReader, example
from inference.core.signature import Spec

X, K = Spec("x", "FP32", (-1, 2)), Spec("k", "INT64", (-1,))
T, B = Spec("t", "BYTES", (-1, -1)), Spec("b", "BOOL", (-1, 1))
GRAPH = Graph((X, K, T, B), (Spec("y", "FP32", (-1, 2)),))
ROW: dict[str, Any] = {"x": [0.5, None], "k": 7, "t": ["a", "\N{SNOWMAN}"], "b": True}
READER = GraphReader(GRAPH)
TABLE = (
    named("x", np.ones((3, 2), np.float32)),
    named("k", np.arange(3)),
    Tensor("t", "BYTES", np.full((3, 2), b"a", dtype=object)),
    named("b", np.ones((3, 1), bool)),
)


def test_a_row_becomes_arrays_of_the_datatypes_of_the_graph() -> None:
    x, k, t, b = READER.joined([READER.value(ROW)] * 2)

    assert [a.dtype for a in (x, k, t, b)] == [np.float32, np.int64, object, bool]
    assert [a.shape for a in (x, k, t, b)] == [(2, 2), (2,), (2, 2), (2, 1)]
    assert np.isnan(x[0, 1])
    assert t[0].tolist() == [b"a", "\N{SNOWMAN}".encode()]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"x": [1.0]}, "x"),
        ({"x": [[1.0, 2.0]]}, "x"),
        ({"x": [1.0, [2.0]]}, "x"),
        ({"x": [1.0, 1e39]}, "x"),
        ({"x": ["1", "2"]}, "x"),
        ({"x": [True, 2.0]}, "x"),
        ({"k": 1.5}, "k"),
        ({"k": None}, "k"),
        ({"k": 2**63}, "k"),
        ({"t": ["a", 1]}, "t"),
        ({"b": 1}, "b"),
        ({"strange": 1}, "strange"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], field: str) -> None:
    with pytest.raises(RowInvalid) as caught:
        READER.value(ROW | change, 3)

    assert (caught.value.field, caught.value.row) == (field, 3)


@pytest.mark.parametrize("name", ROW)
def test_a_missing_input_is_named(name: str) -> None:
    with pytest.raises(RowInvalid, match="missing") as caught:
        READER.value({key: value for key, value in ROW.items() if key != name})

    assert caught.value.field == name


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(JsonInvalid, match="duplicate"):
        READER.json(b'{"x": [1, 2], "x": [1, 2]}')


def test_the_only_input_needs_no_name_and_several_do() -> None:
    reader = GraphReader(Graph((X,), GRAPH.outputs))

    assert reader.json(b"[1, 2]")[0].tolist() == [1.0, 2.0]
    with pytest.raises(RowInvalid, match="an object"):
        READER.value([1, 2])


def test_an_array_without_a_name_is_the_only_input_and_no_other() -> None:
    reader, array = GraphReader(Graph((X,), GRAPH.outputs)), np.ones((3, 2), np.float32)

    assert reader.tensors([named("", array)])[0][0] is array
    with pytest.raises(RowInvalid, match="no input"):
        READER.tensors([named("", array)])


def test_a_name_that_comes_twice_among_tensors_is_refused() -> None:
    with pytest.raises(RowInvalid, match="same name"):
        READER.tensors([*TABLE, TABLE[0]])


def test_rows_of_different_shapes_are_no_array() -> None:
    rows = [READER.value(ROW), READER.value(ROW | {"t": ["a"]})]

    with pytest.raises(RowInvalid, match="same shape"):
        READER.joined(rows)


def test_tensors_come_in_any_order_and_in_narrower_types() -> None:
    found, errors = READER.tensors(
        (*TABLE[::-1][:2], named("k", np.arange(3, dtype=np.uint8)), named("x", np.ones((3, 2))))
    )

    assert not errors
    assert [a.dtype for a in found] == [np.float32, np.int64, object, bool]


@pytest.mark.parametrize(
    "other",
    [
        named("x", np.ones((3, 3), np.float32)),
        named("x", np.full((3, 2), 1e300)),
        texts("k", ["1", "2", "3"]),
        named("k", np.ones(3)),
        named("k", np.ones(3, np.uint64)),
        named("b", np.ones((3, 1), np.uint8)),
        named("t", np.ones((3, 2))),
        named("z", np.ones(3)),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(other: Tensor) -> None:
    kept = [tensor for tensor in TABLE if tensor.name != other.name]

    with pytest.raises(RowInvalid) as caught:
        READER.tensors([*kept, other])

    assert caught.value.field == other.name


def test_it_survives_json_and_has_its_own_hash() -> None:
    again = Graph.from_json(GRAPH.to_json())

    assert (again, again.hash) == (GRAPH, GRAPH.hash)
    assert Graph(GRAPH.inputs, GRAPH.outputs, batched=False).hash != GRAPH.hash


@pytest.mark.parametrize(
    "specs",
    [
        (),
        (X, X),
        (Spec("", "FP32", (-1,)),),
        (Spec("a", "FP8", (-1,)),),
        (Spec("a", "FP32", (2,)),),
    ],
)
def test_what_is_no_graph_is_refused(specs: tuple[Spec, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each has a sentence of its own
        Graph.from_json(Graph(specs, GRAPH.outputs).to_json())


def test_the_example_fits() -> None:
    assert [a.shape for a in READER.value(example(GRAPH))] == [(2,), (), (1,), (1,)]
