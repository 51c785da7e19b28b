"""The data of a tensor as JSON: flat or nested like its shape, row-major.

Decoded at once by the type that the datatype names. In an array of floats null is a missing value:
JSON has no NaN.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import chain
from types import GenericAlias, MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np

from inference.core import datatypes
from inference.core.datatypes import BYTES, MAX_DIMENSIONS, Tensor
from inference.core.errors import RowInvalid
from inference.core.tensors import Array

_ELEMENTS: Final = MappingProxyType({"b": bool | int, "u": int, "i": int, "f": float | None})
_PLACE: Final = re.compile(r" - at `\$\[(\d+)\].*$")
_SPACE: Final = b" \t\r\n"
_encode: Final = msgspec.json.Encoder().encode


def decoded(name: str, datatype: str, shape: Sequence[int], data: bytes) -> Tensor:
    """The tensor that JSON text spells; raises RowInvalid naming it and, where it can, the row."""
    dtype, wanted = datatypes.described(name, datatype, shape)
    depth = _depth(data)
    if depth not in (1, len(shape)):
        raise RowInvalid(f"The data must be flat or nested like {list(shape)}.", field=name)
    try:
        values = _decoder(dtype.kind, depth).decode(data)
    except (ValueError, RecursionError) as error:
        items = wanted if depth == 1 else shape[0]
        raise _refusal(name, datatype, max(1, items // shape[0]), str(error)) from error
    flat = _flat(name, shape, values) if depth > 1 else values
    if len(flat) != wanted:
        sentence = f"{list(shape)} are {wanted} elements, not {len(flat)}."
        raise RowInvalid(sentence, field=name)
    return Tensor(name, datatype, _array(name, datatype, flat).reshape(shape))


def encoded(array: Array) -> bytes:
    """Flat; what is no number is null."""
    flat = array.ravel().tolist()
    if array.dtype == object:
        flat = [each.decode("utf-8", "replace") for each in flat]
    return _encode(flat)


def _depth(data: bytes) -> int:
    """How many brackets it begins with; no deeper than a tensor may be."""
    head = data[: 8 * MAX_DIMENSIONS].translate(None, _SPACE)
    return min(len(head) - len(head.lstrip(b"[")), MAX_DIMENSIONS + 1)


@cache
def _decoder(kind: str, depth: int) -> msgspec.json.Decoder[Any]:
    nested: Any = _ELEMENTS.get(kind, str)
    for _ in range(depth):
        nested = GenericAlias(list, (nested,))
    return msgspec.json.Decoder(nested)


def _refusal(name: str, datatype: str, items_a_row: int, said: str) -> RowInvalid:
    """What the decoder says, which counts the items of the outermost array."""
    place = _PLACE.search(said)
    row = int(place[1]) // items_a_row if place else None
    return RowInvalid(f"No {datatype}: {_PLACE.sub('', said)[:100]}.", row=row, field=name)


def _flat(name: str, shape: Sequence[int], values: list[Any]) -> list[Any]:
    for size in shape[1:]:
        if any(len(each) != size for each in values):
            raise RowInvalid(f"The data is not nested like {list(shape)}.", field=name)
        values = list(chain.from_iterable(values))
    return values


def _array(name: str, datatype: str, flat: list[Any]) -> Array:
    if datatype == BYTES:
        return datatypes.texts(name, flat).array
    try:
        with np.errstate(over="ignore"):  # what is too large for the type is an infinity, as in C
            array: Array = np.array(flat, dtype=datatypes.DTYPES[datatype])
    except OverflowError as error:
        raise RowInvalid(f"A number is out of the range of {datatype}.", field=name) from error
    return array
