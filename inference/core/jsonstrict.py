"""JSON as RFC 8259 means it, and nothing that two readers could read differently (RFC 7493).

Slow and exact: the fast decoders hand over whatever they are not sure about, and this one says what
is wrong in a sentence. Refused: invalid UTF-8, duplicate names, NaN and infinities in any spelling,
lone surrogates, NUL, nesting deeper than 32. An integer of more than 19 digits becomes a float, as
in most readers of the language that invented JSON: no caller can spend our time on long division.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import NoReturn

import numpy as np

from inference.core.errors import JsonInvalid

MAX_DEPTH = 32
MAX_DIGITS = 19
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
# Only as escapes: as they are, UTF-8 has no surrogates, and no parser takes a NUL in a text.
_MAYBE_UNSAFE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# Possessive, and a string that is never closed ends with the body: with anything to come back to, a
# body of quotes would keep this busy for hours.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_BETWEEN = np.int8(ord("\\"))  # of [ and ], so that their distances from it are the steps of depth


def loads(body: bytes) -> object:
    """The value in `body`; raises JsonInvalid."""
    text = _text(body)
    _refuse_deep(body)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonInvalid(f"JSON parse error - {error}") from error
    except RecursionError as error:
        raise JsonInvalid("JSON parse error - nested too deeply") from error
    if _MAYBE_UNSAFE.search(body):
        _refuse_unsafe(value)
    return value


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonInvalid(f"JSON parse error - not UTF-8 at byte {error.start}") from error


def _refuse_deep(body: bytes) -> None:
    """Counted before parsing, so that no parser has to recurse to find out."""
    brackets = _STRINGS.sub(b"", body).translate(_AS_SQUARE, _NO_BRACKET)
    if brackets.count(b"[") > MAX_DEPTH and _depth(brackets) > MAX_DEPTH:
        raise JsonInvalid(f"JSON parse error - nested deeper than {MAX_DEPTH}")


def _depth(brackets: bytes) -> int:
    steps = _BETWEEN - np.frombuffer(brackets, np.int8)
    return int(np.cumsum(steps, dtype=np.int64).max())


def _refuse_constant(name: str) -> NoReturn:
    raise JsonInvalid(f"JSON parse error - {name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonInvalid("JSON parse error - number out of range")
    return number


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= MAX_DIGITS else _float(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise JsonInvalid(f"JSON parse error - duplicate name {twice[:40]!r}")
    return result


def _refuse_unsafe(value: object) -> None:
    if isinstance(value, str) and _UNSAFE.search(value):
        raise JsonInvalid("JSON parse error - NUL or lone surrogate in a text")
    if isinstance(value, list | dict):
        for item in value if isinstance(value, list) else (*value, *value.values()):
            _refuse_unsafe(item)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_float,
    parse_int=_integer,
    parse_constant=_refuse_constant,
)
