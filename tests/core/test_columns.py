"""Columns mean what the same values mean row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from inference.core import columns, datatypes
from inference.core.datatypes import Tensor
from inference.core.errors import RowInvalid, WeirError
from inference.core.schema import Feature, Schema, Target

TARGET = Target("y", "binary", ("n", "y"))
NUMBERS = Schema((Feature("a", "number"), Feature("b", "integer")), TARGET)
MIXED = Schema(
    (
        Feature("a", "number"),
        Feature("c", "category", ("x", "é", "3")),
        Feature("r", "number", required=True),
    ),
    TARGET,
)
NAN, INF = float("nan"), float("inf")
Found = tuple[list[list[float]], Mapping[int, WeirError]]


def tensor(name: str, values: object, datatype: str = "FP64") -> Tensor:
    if datatype == "BYTES":
        return datatypes.texts(name, values)  # type: ignore[arg-type]  # texts, by the datatype
    return Tensor(name, datatype, np.array(values, dtype=datatypes.DTYPES[datatype]))


def read(schema: Schema, *named: Tensor) -> Found:
    matrix, errors = columns.read(schema, named)
    return matrix.tolist(), errors


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "UINT64", "INT32"])
def test_a_matrix_of_any_name_is_by_position(datatype: str) -> None:
    rows, errors = read(NUMBERS, tensor("whatever", [[1, 2], [3, 4]], datatype))
    assert rows == [[1.0, 2.0], [3.0, 4.0]]
    assert not errors


def test_columns_are_by_name_in_any_order_and_shape() -> None:
    rows, errors = read(
        MIXED,
        tensor("r", [[1], [2]], "INT16"),
        tensor("c", ["é", "new"], "BYTES"),
        tensor("unknown", [0, 0]),
        tensor("a", [0.5, 1.5]),
    )
    assert rows == [[0.5, 1.0, 1.0], [1.5, 3.0, 2.0]]
    assert not errors


def test_in_a_matrix_a_category_is_its_index() -> None:
    rows, errors = read(MIXED, tensor("m", [[0.5, 2, 1], [0.5, 3, 1], [0.5, NAN, 1]]))
    assert [row[1] for row in rows[:2]] == [2.0, 3.0]
    assert np.isnan(rows[2][1])
    assert not errors


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ([INF, 0, 1], "a"),
        ([-1e39, 0, 1], "a"),
        ([0, 4, 1], "c"),
        ([0, -1, 1], "c"),
        ([0, 0.5, 1], "c"),
        ([0, 0, NAN], "r"),
    ],
)
def test_in_a_matrix_what_does_not_fit_is_named(row: list[float], field: str) -> None:
    _, errors = read(MIXED, tensor("m", [[0, 0, 1], row]))
    assert {(place, error.row, error.field) for place, error in errors.items()} == {(1, 1, field)}


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
@pytest.mark.parametrize("value", [INF, -INF])
def test_what_is_no_number_is_noticed_in_each_width(datatype: str, value: float) -> None:
    _, errors = read(NUMBERS, tensor("m", [[0, 0], [0, value]], datatype))
    assert [(error.row, error.field) for error in errors.values()] == [(1, "b")]


def test_the_first_error_is_that_of_the_first_row() -> None:
    _, errors = read(MIXED, tensor("m", [[0, 0, NAN], [INF, 0, 1]]))
    assert list(errors) == [0, 1]
    named = tensor("a", [0, INF]), tensor("r", [NAN, 1])
    assert list(read(MIXED, *named)[1]) == [0, 1]


def test_a_missing_column_is_missing_in_each_row() -> None:
    rows, errors = read(MIXED, tensor("r", [1.0, 2.0]))
    assert np.isnan(rows)[:, :2].all()
    assert not errors
    _, errors = read(MIXED, tensor("a", [1.0, 2.0]))
    assert [errors[row].field for row in (0, 1)] == ["r", "r"]


def test_texts_follow_the_policy_for_rows() -> None:
    _, errors = read(NUMBERS, tensor("a", ["1.5", "?", "large"], "BYTES"))
    assert {row: error.field for row, error in errors.items()} == {2: "a"}
    broken = Tensor("c", "BYTES", np.array([b"\xff", b"x"], dtype=object))
    _, errors = read(MIXED, broken, tensor("r", [1, 1]))
    assert [(error.row, error.field) for error in errors.values()] == [(0, "c")]


def test_truth_is_no_number() -> None:
    _, errors = read(NUMBERS, tensor("a", [True], "BOOL"))
    assert errors[0].field == "a"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ([tensor("m", [[1, 2, 3]])], "shape [rows, 2]"),
        ([tensor("m", [1, 2])], "shape [rows, 2]"),
        ([tensor("m", [[[1, 2]]])], "shape [rows, 2]"),
        ([tensor("m", ["x"], "BYTES")], "shape [rows, 2]"),
        ([tensor("m", [[True, False]], "BOOL")], "shape [rows, 2]"),
        ([tensor("m", [1]), tensor("n", [1])], "None of the tensors"),
        ([tensor("a", [1]), tensor("a", [1])], "same name"),
        ([tensor("a", [[1, 2]])], "a has shape [rows]"),
        ([tensor("a", [[[1]]])], "a has shape [rows]"),
    ],
)
def test_what_no_row_of_can_be_read_is_refused(named: Sequence[Tensor], said: str) -> None:
    with pytest.raises(RowInvalid) as refused:
        read(NUMBERS, *named)
    assert said in refused.value.message


@pytest.mark.parametrize("rows", [1, 10_000])
@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e39, -1e39])
def test_what_is_odd_is_seen_among_few_numbers_and_among_many(rows: int, value: float) -> None:
    matrix = np.ones((rows, 2))
    assert columns.within_float32(matrix)
    matrix[-1, 0] = value
    assert not columns.within_float32(matrix)


NUMBER = st.floats(width=32) | st.sampled_from([0.0, 1e39, -1e39, 3.4e38, 2.0])
TEXT = st.sampled_from(["x", "é", "3", " x ", "new", "", "?", "NaN", "1"])


@given(st.lists(st.tuples(NUMBER, TEXT, NUMBER), min_size=1, max_size=6))
def test_columns_and_rows_agree(found: list[tuple[float, str, float]]) -> None:
    a, c, r = (list(values) for values in zip(*found, strict=True))
    rows, errors = read(MIXED, tensor("a", a), tensor("c", c, "BYTES"), tensor("r", r))
    for row, values in enumerate(found):
        one, error = by_row(dict(zip("acr", values, strict=True)), row)
        assert (row in errors) == (error is not None)
        if error is not None:
            assert errors[row].as_dict() == error.as_dict()
        else:
            assert np.array_equal(rows[row], one, equal_nan=True)


def by_row(record: Mapping[str, object], row: int) -> tuple[Sequence[float], WeirError | None]:
    try:
        return MIXED.encode(record, row), None
    except RowInvalid as error:
        return (), error


CLOSED = Schema(
    (
        Feature("a", "number", minimum=0.0, maximum=1.0, bounded=True),
        Feature("c", "category", ("x", "y"), bounded=True),
    ),
    MIXED.target,
)


def test_columns_keep_the_bounds_by_name_and_by_place() -> None:
    named = read(CLOSED, tensor("a", [0.5, 2.0, 0.5]), tensor("c", ["x", "x", "z"], "BYTES"))
    placed = read(CLOSED, tensor("rows", [[0.5, 1.0], [-1.0, 0.0], [0.5, 2.0]]))

    for _, errors in (named, placed):
        assert {row: error.field for row, error in errors.items()} == {1: "a", 2: "c"}
