"""Only what every reader reads alike is JSON here."""

from __future__ import annotations

import pytest

from inference.core import jsonstrict
from inference.core.errors import JsonInvalid


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "b": [1.5, null, true, "x"]}', {"a": 1, "b": [1.5, None, True, "x"]}),
        (b" [] ", []),
        (b'"\\u00e9\\ud83d\\ude00"', "\u00e9\U0001f600"),
        (b"9223372036854775807", 9223372036854775807),
        (b"12345678901234567890123", 12345678901234567890123.0),
        (b"[" * 32 + b"]" * 32, None),
        (b'{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}', {"a": "[" * 40}),
        (b'{"a\\"": "]["}', {'a"': "]["}),
    ],
)
def test_json_is_read(body: bytes, value: object) -> None:
    read = jsonstrict.loads(body)
    assert value is None or read == value


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"a": 1} x', "Extra data"),
        (b'{"a": 1,}', "JSON parse error"),
        (b"{'a': 1}", "JSON parse error"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"1e400", "number out of range"),
        (b"[" + b"9" * 400 + b"]", "number out of range"),
        (b'{"a": 1, "a": 2}', "duplicate name 'a'"),
        (b'{"x": {"a": 1, "a": 1}}', "duplicate name"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\ud800": 1}', "lone surrogate"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'[["\\u0000"]]', "NUL"),
        (b'{"a": [1, "\\ud800"]}', "lone surrogate"),
        (b'"\\udfff"', "lone surrogate"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b'{"a": "\xc3("}', "not UTF-8 at byte 7"),
        (b"\xef\xbb\xbf{}", "JSON parse error"),
        (b"[" * 33 + b"]" * 33, "nested deeper than 32"),
        (b"[" * 100_000, "nested deeper than 32"),
        (b'{"a":' * 5000, "nested deeper than 32"),
    ],
)
def test_what_is_not_json_is_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(JsonInvalid) as caught:
        jsonstrict.loads(body)
    assert caught.value.message.startswith("JSON parse error - ")
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 1_000_000,
        b'"' * 1_000_001,
        b'["' + b"\\" * 2_000_000,
        b"[" * 2_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b"]" * 2_000_000,
        b"{" + b",".join(b'"%d":0' % number for number in (*range(200_000), 199_999)) + b"}",
    ],
    ids=["escaped quotes", "quotes", "backslashes", "opened", "nested", "closed", "names"],
)
def test_no_body_takes_longer_than_its_length(body: bytes) -> None:
    """With a pattern that backtracks the first of these takes hours, and this test its timeout."""
    with pytest.raises(JsonInvalid):
        jsonstrict.loads(body)


def test_depth_is_counted_over_the_whole_body() -> None:
    fine = b"[" * 30 + b"]" * 30

    assert jsonstrict.loads(b"[" + b",".join([fine] * 100) + b"]") is not None
    with pytest.raises(JsonInvalid):
        jsonstrict.loads(b"[" + b",".join([fine] * 100 + [b"[[[" + fine + b"]]]"]) + b"]")
