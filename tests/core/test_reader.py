"""The three tiers of the reader agree, and the fast ones never guess."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from functools import partial

import hypothesis.strategies as st
import pytest
from hypothesis import given

from inference.core import jsonstrict, reader
from inference.core.errors import JsonInvalid, RowInvalid, WeirError
from inference.core.reader import RowReader
from inference.core.schema import Feature, Schema, Target

TARGET = Target("y", "binary", ("n", "y"))
MIXED = Schema(
    (
        Feature("a", "number"),
        Feature("b \N{LATIN SMALL LETTER E WITH ACUTE}", "integer"),
        Feature("c", "category", ("x", "y")),
    ),
    TARGET,
)
NUMBERS = Schema((Feature("a", "number"), Feature("b", "number")), TARGET)


def floats(packed: bytes) -> list[float | None]:
    numbers = struct.unpack(f"{len(packed) // 8}d", packed)
    return [None if math.isnan(number) else number for number in numbers]


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ('{"a": 1.5, "b é": 2, "c": "y"}', [1.5, 2.0, 1.0]),
        ('{"c": "x", "b é": 2, "a": 1.5}', [1.5, 2.0, 0.0]),
        ('{"a": null, "b é": 2, "c": null}', [None, 2.0, None]),
        ('{"a": 1}', [1.0, None, None]),
        ('{"a": "1", "b é": " 2", "c": " y "}', [1.0, 2.0, 1.0]),
        ('{"a": 1, "b é": 2, "c": "new"}', [1.0, 2.0, 2.0]),
        ('{"a": 1, "b é": 2, "c": "y", "d": [{}]}', [1.0, 2.0, 1.0]),
        ('{"\\u0061": 1, "b \\u00e9": 2, "c": "\\u0079"}', [1.0, 2.0, 1.0]),
        ('[1, 2, "x"]', [1.0, 2.0, 0.0]),
        ('[null, "", "?"]', [None, None, None]),
    ],
)
def test_a_record_is_read_by_name_and_a_list_by_position(body: str, row: list[float]) -> None:
    assert floats(RowReader(MIXED).json(body.encode())) == row


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 1, "a": 2}',
        '{"a": 1, "b": 2, "a": 3}',
        '{"a": 1, "b": 2, "z": 1, "z": 2}',
        '{"a": NaN, "b": 1}',
        '{"a": 1e400, "b": 1}',
        '{"a": 1, "b": 2} {}',
        '{"a": 1, "b": ' + "9" * 400 + "}",
        '{"a": 1, "b": 2, "z": ' + "[" * 33 + "]" * 33 + "}",
        '{"a": 1, "b": 2, "z": [{"k": 1, "k": 2}]}',
        '{"a": 1, "b": 2, "z": ["\\u0000"]}',
        "[1, 2",
        "",
    ],
)
def test_what_is_not_json_is_refused_whatever_tier_meets_it(body: str) -> None:
    with pytest.raises(JsonInvalid):
        RowReader(NUMBERS).json(body.encode())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"a": true, "b": 1}', "a"),
        ('{"a": 1, "b": 1e39}', "b"),
        ('{"a": 1, "b": "x"}', "b"),
        ('{"a": 1, "b": {"a": 1}}', "b"),
        ("3", None),
        ("null", None),
        ('"a"', None),
        ("[1]", None),
        ("[1, 2, 3]", None),
        ("[true, 1]", "a"),
        ("[1, 1e39]", "b"),
        ("[1, [2]]", "b"),
        ("{}", None),
        ('{"z": 1}', None),
    ],
)
def test_json_that_is_no_row_names_row_and_field(body: str, field: str | None) -> None:
    with pytest.raises(RowInvalid) as caught:
        RowReader(NUMBERS).json(body.encode(), row=4)
    assert (caught.value.row, caught.value.field) == (4, field)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.sampled_from([10**400, 10**18, -(10**19), [[[1]]], {"k": {"k": 1}}]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["x", "y", "", "nan", "1", " 2 ", "1e39", '"', "\\", "é", "\x00", "{", "[[[["]),
    st.lists(st.integers(), max_size=2),
)
KEYS = st.sampled_from(["a", "b é", "c", "d", 'q"', ""])


@given(st.lists(st.tuples(KEYS, VALUES), max_size=6), st.booleans())
def test_the_fast_tiers_say_what_the_slow_one_says(
    pairs: list[tuple[str, object]], ascii_only: bool
) -> None:
    items = [f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=ascii_only)}" for k, v in pairs]
    body = ("{" + ",".join(items) + "}").encode()
    fast = RowReader(MIXED)
    assert outcome(lambda: floats(fast.json(body))) == outcome(
        lambda: floats(fast.value(jsonstrict.loads(body)))
    )


def outcome(read: object) -> object:
    try:
        return read()  # type: ignore[operator]  # a callable, as each caller hands it
    except WeirError as error:
        return (error.code, error.field, error.message)


def test_rows_become_one_matrix_in_their_order() -> None:
    fast = RowReader(NUMBERS)
    rows = [fast.json(b'{"a": 1, "b": 2}'), fast.json(b'{"b": 4, "a": 3}')]
    assert fast.matrix(rows).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert fast.matrix(rows[:1]).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, 2.0], [3.0]],
        [[1.0, 2.0, 3.0]],
        [[1.0, 1e39]],
        [[1.0, float("inf")]],
        [[float("nan"), 1.0]],
    ],
)
def test_a_block_is_only_read_at_once_if_every_row_fits(rows: list[list[float]]) -> None:
    assert RowReader(NUMBERS).block(rows) is None
    assert RowReader(NUMBERS).block([[1.0, 2.0]]) is not None
    assert RowReader(MIXED).block([[1.0, 2.0, 0.0]]) is None


def test_an_array_is_cut_into_the_texts_of_its_items() -> None:
    assert reader.json_array(b'[{"a": [1]}, 2,"x"]') == [b'{"a": [1]}', b"2", b'"x"']


@pytest.mark.parametrize("body", [b"{}", b"[1,", b"[1] 2", b"\xff", b"[" * 9999])
def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(JsonInvalid):
        reader.json_array(body)


CLOSED = Schema(
    (
        Feature("a", "number", minimum=0.0, maximum=1.0, bounded=True),
        Feature("c", "category", ("x", "y"), bounded=True),
    ),
    TARGET,
)
POSITIVE = Schema((Feature("a", "number", minimum=0.0, bounded=True),), TARGET)


@given(
    st.sampled_from([0.0, 1.0, 0.5, -0.1, 1.5, 1e300, None, "0.5", "2"]),
    st.sampled_from(["x", "y", "z", "", None]),
)
def test_the_bounds_are_the_same_on_the_short_way_and_the_long(a: object, c: object) -> None:
    record = {"a": a, "c": c}
    wanted = said_by(lambda: struct.pack("2d", *CLOSED.encode(record)))

    for body in (json.dumps(record), json.dumps([a, c])):
        assert said_by(partial(RowReader(CLOSED).json, body.encode())) == wanted


def said_by(read: Callable[[], bytes]) -> object:
    """The numbers, or the sentence that refuses them."""
    try:
        return floats(read())
    except RowInvalid as error:
        return error.message


def test_a_block_of_numbers_is_read_one_by_one_where_there_are_bounds() -> None:
    assert RowReader(POSITIVE).block([[1.0], [-1.0]]) is None
