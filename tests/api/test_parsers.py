"""JSON as all doors read it, or its bytes for those who read it by a schema."""

from __future__ import annotations

import io

import pytest

from inference.api.parsers import RawJSONParser, StrictJSONParser
from inference.core.errors import JsonInvalid


def test_strict_json_is_a_value() -> None:
    assert StrictJSONParser().parse(io.BytesIO(b'{"a": [1, null]}')) == {"a": [1, None]}


def test_what_two_readers_could_read_differently_is_refused() -> None:
    with pytest.raises(JsonInvalid, match="duplicate name"):
        StrictJSONParser().parse(io.BytesIO(b'{"a": 1, "a": 2}'))


def test_raw_json_is_its_bytes_even_if_it_is_none() -> None:
    assert RawJSONParser().parse(io.BytesIO(b"{nonsense")) == b"{nonsense"


@pytest.mark.parametrize("parser", [StrictJSONParser, RawJSONParser])
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "bz2_codec"])
def test_only_utf_8_is_read(parser: type[StrictJSONParser | RawJSONParser], encoding: str) -> None:
    with pytest.raises(JsonInvalid, match="only UTF-8"):
        parser().parse(io.BytesIO(b"{}"), "application/json", {"encoding": encoding})


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8"])
def test_utf_8_has_several_names(encoding: str) -> None:
    assert StrictJSONParser().parse(io.BytesIO(b"{}"), None, {"encoding": encoding}) == {}
