"""MessagePack is read where JSON could have said the same."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.msgpack import Ext

from inference.core import packstrict
from inference.core.errors import FrameInvalid

pack = msgspec.msgpack.encode


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1, "b": -1.5, "c": "x", "d": None, "e": True},
        {str(number): number for number in range(16)},
        {str(number): number for number in range(70_000)},
        {"a": 2**64 - 1, "b": math.inf, "c": "\x00"},
        {"a": {"b": [1, {"c": None}]}},
        [1, "x", None],
        nested(32),
        5,
        None,
        "text",
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_json_could_have_said_is_read(value: Any) -> None:
    assert packstrict.row(pack(value)) == value


def test_a_list_is_read_row_by_row() -> None:
    assert packstrict.rows(pack([{"a": 1}, [2, "x"], 3])) == [{"a": 1}, [2, "x"], 3]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (pack({"a": b"bytes"}), "no word for: bytes"),
        (pack({"a": datetime(2026, 1, 1, tzinfo=UTC)}), "no word for: datetime"),
        (pack({"a": Ext(5, b"z")}), "no word for: Ext"),
        (pack([Ext(5, b"z")]), "no word for: Ext"),
        (pack({1: 2}), "no text"),
        (b"\x81\xc0\x01", "no text"),
        (b"\x81\x92\x01\x02\x01", "no text"),
        (pack({"a": {1: 2}}), "no text"),
        (b"\x82\xa1a\x01\xa1a\x02", "a name twice"),
        (b"\xde\x00\x02\xa1a\x01\xa1a\x01", "a name twice"),
        (b"\xdf\x00\x00\x00\x02\xa1a\x01\xa1a\x01", "a name twice"),
        (b"\x82\xa1a\x91\x01\xa1a\x91\x01", "a name twice"),
        (pack(nested(33)), "deeper than 32"),
    ],
)
def test_what_json_could_not_have_said_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(FrameInvalid, match=sentence):
        packstrict.row(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x81", b"\x81\xa1a\xa3\xed\xa0\x80", b"\xdf\xff\xff\xff\xff", b"\x01\x02"],
)
def test_what_is_malformed_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of every decoder its own
        packstrict.row(data)
