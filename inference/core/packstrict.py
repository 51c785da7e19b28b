"""MessagePack, as far as JSON could have said the same, and nothing said twice.

Refused: binary data, timestamps and extension types, names that are no text, names that come twice,
nesting deeper than 32. NaN and infinities are numbers here, and for the schema to judge.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw

from inference.core.errors import FrameInvalid
from inference.core.jsonstrict import MAX_DEPTH

_FEW: Final = 0x80  # the first of the 16 heads of a map that hold its size themselves
_SIZES: Final = {0xDE: 2, 0xDF: 4}  # heads of larger maps, and in how many bytes the size follows

_items = msgspec.msgpack.Decoder(list[Raw]).decode
_flat = msgspec.msgpack.Decoder(dict[str, str | int | float | bool | None]).decode
_anything = msgspec.msgpack.Decoder().decode


def row(data: bytes) -> object:
    """One row, by name or by position; raises FrameInvalid, or ValueError if it is malformed."""
    try:
        value: Any = _flat(data)
    except msgspec.ValidationError:
        value = _anything(data)
        _refuse_strange(value, MAX_DEPTH)
    if isinstance(value, dict) and len(value) != entries(data):
        raise FrameInvalid("A row has a name twice.")
    return value


def rows(data: bytes) -> list[object]:
    """The rows of a list."""
    return [row(bytes(item)) for item in _items(data)]


def entries(data: bytes | memoryview) -> int:
    """How many names a map that was read has, counting those that come twice each time."""
    head = data[0]
    if head in _SIZES:
        return int.from_bytes(data[1 : 1 + _SIZES[head]], "big")
    return head - _FEW


def _refuse_strange(value: object, depth: int) -> None:
    if isinstance(value, list | dict):
        if not depth:
            raise FrameInvalid(f"A row is nested deeper than {MAX_DEPTH}.")
        for item in _within(value):
            _refuse_strange(item, depth - 1)
    elif not (value is None or isinstance(value, str | int | float)):
        raise FrameInvalid(f"A row has a value that JSON has no word for: {type(value).__name__}.")


def _within(value: list[Any] | dict[Any, Any]) -> list[Any]:
    if isinstance(value, list):
        return value
    if not all(isinstance(name, str) for name in value):
        raise FrameInvalid("A row has a name that is no text.")
    return list(value.values())
