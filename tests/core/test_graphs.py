"""A graph is known by the tensors it takes and gives."""

from __future__ import annotations

from typing import Any

import pytest

from inference.core import graphs
from inference.core.graphs import Graph, Labelled
from inference.core.schema import Feature, Schema, Target
from inference.core.signature import Signature, Spec

X = Spec("x", "FP32", (-1, 3))
TABLE = Schema((Feature("a", "number"),), Target("y", "binary", ("no", "yes")))


def graph(*outputs: Spec, inputs: tuple[Spec, ...] = (X,), batched: bool = True) -> Graph:
    return Graph(Signature(inputs, outputs or (Spec("y", "FP32", (-1, 2)),)), batched).checked()


def test_it_comes_back_from_json_as_it_was() -> None:
    one = graph(Spec("y", "BYTES", (-1, -1, 4)), batched=False)

    assert Graph.from_json(one.to_json()) == one
    assert graphs.contract(one.to_json()) == one
    assert graphs.contract(TABLE.to_json()) == TABLE


def test_what_reads_alike_has_the_same_hash_and_nothing_else_has() -> None:
    renamed = graph(Spec("z", "FP32", (-1, 2)))
    hashes = {graph().hash, graph().hash, renamed.hash, graph(batched=False).hash}

    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"inputs": []}, "distinct"),
        ({"inputs": [["x", "FP32", [-1]]] * 2}, "distinct"),
        ({"inputs": [["", "FP32", [-1]]]}, "non-empty"),
        ({"inputs": [["x", "FLOAT", [-1]]]}, "no datatype"),
        ({"inputs": [["x", "FP32", [3]]]}, "begins with -1"),
        ({"inputs": [["x", "FP32", []]]}, "begins with -1"),
        ({"inputs": [["x", "FP32", [-1, 0]]]}, "no shape"),
        ({"inputs": [["x", "FP32", [-1] * 17]]}, "begins with -1"),
        ({"inputs": [["x", "FP32", [-1, 2.5]]]}, "not the signature"),
        ({"inputs": None}, "not the signature"),
        ({"outputs": [["request_id", "INT64", [-1]]]}, "request_id"),
    ],
)
def test_what_is_no_signature_is_refused(change: dict[str, Any], sentence: str) -> None:
    given = {
        side: specs
        and [dict(zip(("name", "datatype", "shape"), each, strict=True)) for each in specs]
        for side, specs in change.items()
    }

    with pytest.raises(ValueError, match=sentence):
        Graph.from_json(graph().to_json() | given)


@pytest.mark.parametrize(
    ("outputs", "labelled", "task"),
    [
        ([("scores", "FP32", (-1, 3)), ("label", "INT64", (-1,))], (1, "as it is"), "multiclass"),
        (
            [("output_label", "BYTES", (-1, 1)), ("p", "FP32", (-1, 3))],
            (0, "as it is"),
            "multiclass",
        ),
        ([("label", "FP32", (-1, 4))], (0, "largest"), "multiclass"),
        ([("p", "FP64", (-1, -1)), ("n", "INT64", (-1, 3))], (0, "largest"), "multiclass"),
        ([("value", "FP64", (-1, 1))], (0, "as it is"), "regression"),
        ([("count", "INT32", (-1,))], (0, "as it is"), "multiclass"),
        ([("p", "FP64", (-1, 2)), ("q", "FP64", (-1, 2))], None, "multiclass"),
        ([("a", "FP64", (-1,)), ("b", "FP64", (-1,))], None, "multiclass"),
        ([("picture", "UINT8", (-1, 8, 8))], None, "multiclass"),
    ],
)
def test_which_output_is_the_label(outputs: Any, labelled: Any, task: str) -> None:
    one = graph(*(Spec(*each) for each in outputs))

    assert one.labelled == (None if labelled is None else Labelled(*labelled))
    assert one.task == task
    assert graphs.task(one.to_json()) == task


def test_a_table_s_task_is_that_of_its_target() -> None:
    assert graphs.task(TABLE.to_json()) == "binary"


def test_graphs_are_alike_if_the_same_tensors_go_in_and_out() -> None:
    one, table = graph().to_json(), TABLE.to_json()

    assert graphs.alike(one, graph(batched=False).to_json())
    assert graphs.alike(table, table)
    assert not graphs.alike(one, table)
    assert not graphs.alike(one, graph(Spec("z", "FP32", (-1, 2))).to_json())


def test_an_example_has_the_shape_of_a_row() -> None:
    inputs = (
        X,
        Spec("on", "BOOL", (-1,)),
        Spec("words", "BYTES", (-1, -1)),
        Spec("n", "INT8", (-1, 1, 2)),
    )

    assert graphs.example(graph(inputs=inputs)) == {
        "x": [0.0, 0.0, 0.0],
        "on": False,
        "words": [""],
        "n": [[0, 0]],
    }
