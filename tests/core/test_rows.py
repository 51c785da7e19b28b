"""Rows of every origin are read alike, and a bad one does not spoil the others."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core import datatypes, rows
from inference.core.datatypes import Tensor
from inference.core.errors import JsonInvalid, RowInvalid
from inference.core.reader import RowReader
from inference.core.rows import JsonRows, NumberRows, Read, Rows, TensorRows, ValueRows
from inference.core.schema import Feature, Schema, Target

TARGET = Target("y", "binary", ("n", "y"))
NUMBERS = RowReader(Schema((Feature("a", "number"), Feature("b", "number")), TARGET))
MIXED = RowReader(Schema((Feature("a", "number"), Feature("b", "category", ("x",))), TARGET))


def listed(read: Read) -> list[list[float]]:
    assert read.tensors is not None
    rows: list[list[float]] = read.tensors[0].tolist()
    return rows


def test_an_object_is_one_record_and_an_array_a_batch() -> None:
    one, single = rows.from_json(b' {"a": 1}')
    many, batch = rows.from_json(b' [{"a": 1}, {"a": 2}]')
    assert (len(one), single, len(many), batch) == (1, False, 2, True)


def test_the_raw_text_is_kept_as_it_came() -> None:
    many, _ = rows.from_json(b'[{"a":  1.50}, {"b":2}]')
    assert many.raw(0) == '{"a":  1.50}'
    assert ValueRows([{"a": "1"}]).raw(0) == '{"a":"1"}'


@pytest.mark.parametrize(
    "several",
    [
        JsonRows([b'{"a": 1, "b": 2}', b'{"a": "no"}', b'{"a": 5, "b": 6}']),
        ValueRows([{"a": 1, "b": 2}, {"a": "no"}, {"a": 5, "b": 6}]),
    ],
)
def test_bad_rows_are_set_apart_with_their_place(several: Rows) -> None:
    read = several.read(NUMBERS, range(3))
    assert listed(read) == [[1, 2], [5, 6]]
    assert list(read.places) == [0, 2]
    assert list(read.errors) == [1]
    assert read.errors[1].row == 1


def test_a_chosen_part_is_read_with_the_callers_row_numbers() -> None:
    several = JsonRows([b'{"a": 1}', b'{"a": "no"}', b'{"a": 5}'])
    read = several.read(NUMBERS, [1, 2])
    assert list(read.places) == [1]
    assert read.errors[0].row == 1


def test_when_no_row_fits_there_is_no_matrix() -> None:
    read = JsonRows([b"{}", b"3"]).read(NUMBERS, range(2))
    assert read.tensors is None
    assert sorted(read.errors) == [0, 1]


def test_malformed_json_concerns_the_whole_request() -> None:
    with pytest.raises(JsonInvalid):
        JsonRows([b'{"a": 1, "a": 2}']).read(NUMBERS, range(1))


def test_rows_of_numbers_are_one_array_where_the_schema_is_numbers() -> None:
    read = NumberRows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).read(NUMBERS, [0, 2])
    assert listed(read) == [[1, 2], [5, 6]]
    assert list(read.places) == [0, 1]


@pytest.mark.parametrize("values", [[[1.0], [2.0, 3.0]], [[1.0, 2.0, 3.0]]])
def test_rows_of_the_wrong_width_are_named_one_by_one(values: list[list[float]]) -> None:
    read = NumberRows(values).read(NUMBERS, range(len(values)))
    assert read.tensors is None or len(read.tensors[0]) < len(values)
    assert all("by position" in error.message for error in read.errors.values())


def test_rows_of_numbers_meet_a_category_by_its_text() -> None:
    read = NumberRows([[1.0, 2.0]]).read(MIXED, range(1))
    assert listed(read) == [[1.0, 1.0]]  # 2.0 is no category that training knew


@pytest.mark.parametrize(
    ("given", "batch", "text"),
    [
        (JsonRows((b'{"a": 1 }',)), False, '{"a": 1 }'),
        (JsonRows((b"[1]", b'{"a":2}')), True, '[[1],{"a":2}]'),
        (ValueRows([{"a": "x"}]), True, '[{"a":"x"}]'),
        (NumberRows([[1.5, 2.0]]), True, "[[1.5,2.0]]"),
    ],
)
def test_rows_can_be_kept_as_json_and_read_again(given: Rows, batch: bool, text: str) -> None:
    assert rows.to_json(given, batch=batch) == text

    again, was_batch = rows.from_json(text.encode())

    assert was_batch == batch
    assert [again.raw(at) for at in range(len(given))] == [
        given.raw(at) for at in range(len(given))
    ]


def named(**columns: list[float]) -> TensorRows:
    return TensorRows([datatypes.named(name, np.array(found)) for name, found in columns.items()])


def test_columns_are_rows_too_and_bad_ones_are_set_apart() -> None:
    read = named(a=[1.0, float("inf"), 5.0], b=[2.0, 3.0, 6.0]).read(NUMBERS, range(3))
    assert listed(read) == [[1, 2], [5, 6]]
    assert list(read.places) == [0, 2]
    assert read.errors[1].row == 1


def test_some_rows_of_a_matrix() -> None:
    read = named(m=[[1.0, 2.0], [3.0, 4.0]]).read(NUMBERS, [1])  # type: ignore[list-item]  # rows
    assert (listed(read), list(read.places)) == ([[3, 4]], [0])


def test_when_no_row_of_the_columns_fits_there_is_no_matrix() -> None:
    read = named(a=[float("inf")]).read(NUMBERS, range(1))
    assert (read.tensors, list(read.errors)) == (None, [0])


def test_columns_are_logged_as_the_rows_they_are() -> None:
    matrix = datatypes.named("m", np.array([[1.5, np.nan], [2.0, np.inf]]))
    assert TensorRows([matrix]).raw(1) == "[2.0,null]"
    several = [
        datatypes.named("a", np.array([0.5, np.nan], dtype=np.float32)),
        datatypes.texts("b", ["x", "\N{SNOWMAN}"]),
    ]
    assert TensorRows(several).raw(1) == '{"a":null,"b":"\N{SNOWMAN}"}'
    column = Tensor("b", "BYTES", datatypes.texts("b", ["x", "y"]).array.reshape(2, 1))
    assert TensorRows([several[0], column]).raw(0) == '{"a":0.5,"b":"x"}'
    assert TensorRows([Tensor("b", "BYTES", np.array([[b"\xff"]], dtype=object))]).raw(0)


@pytest.mark.parametrize("shapes", [[(2,), (3,)], [()], [(2,), ()]])
def test_columns_have_the_same_number_of_rows(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(RowInvalid, match="same first dimension"):
        TensorRows([datatypes.named("x", np.zeros(shape)) for shape in shapes])
