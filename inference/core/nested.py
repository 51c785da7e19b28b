"""One row's value of a tensor as JSON has it, nested like its shape, as an array.

What the value is made of is judged before numpy sees it: numpy makes of texts beside numbers texts,
of true a number, and of one long text among many short ones an array as if all were as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from inference.core.datatypes import BYTES, DTYPES, shown
from inference.core.errors import RowInvalid
from inference.core.signature import ANY, Spec
from inference.core.tensors import Array

_INTEGER: Final[Any] = int | float
_PLAIN: Final[dict[str, Any]] = {
    "b": bool,
    "i": _INTEGER,
    "u": _INTEGER,
    "f": float | None,
    "O": str,
}
_EXACT: Final = 2.0**53  # from here on a float may have been another integer
_LONGEST: Final = 200  # characters of what a decoder complains of: it may quote what was sent
_NESTED: Final = "lists of different lengths"


def array(spec: Spec, value: object, row: int = 0) -> Array:
    """Without the dimension of the rows; raises RowInvalid naming the tensor.

    A number that is none is null. A lone value stands for a list of one.
    """
    wanted = spec.shape[1:]
    found = _parsed(spec, value, row)
    if found.ndim == 0 and wanted in ((1,), (ANY,)):
        found = found.reshape(1)
    if not fits(found.shape, wanted):
        sentence = f"{spec.name} has the shape {shown(wanted)} in a row, not {shown(found.shape)}."
        raise RowInvalid(sentence, row=row, field=spec.name)
    return found if spec.datatype == BYTES else cast_to(spec, found, row)


def fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether an array of this shape is one of those wanted."""
    return len(shape) == len(wanted) and all(
        most in (size, ANY) for size, most in zip(shape, wanted, strict=True)
    )


def cast_to(spec: Spec, found: Array, row: int | None = None) -> Array:
    """Of the datatype of the tensor; raises RowInvalid for a number beyond it."""
    dtype = DTYPES[spec.datatype]
    with np.errstate(over="ignore", invalid="ignore"):
        new: Array = found.astype(dtype, copy=False)
    if _lost(found, new).any():
        sentence = f"{spec.name} has a number that is no {spec.datatype}."
        raise RowInvalid(sentence, row=row, field=spec.name)
    return new


def _lost(before: Any, after: Any) -> Any:
    """Where a number became another; a float that is rounded is still the same."""
    if after.dtype.kind == "f":
        return np.isinf(after) & ~np.isinf(before)
    if before.dtype.kind == "f":
        return (after != before) | (np.abs(before) >= _EXACT)
    return after != before


def _parsed(spec: Spec, value: object, row: int) -> Array:
    try:
        return _made(spec, value)
    except OverflowError as error:
        sentence = f"{spec.name} has a number that is no {spec.datatype}."
        raise RowInvalid(sentence, row=row, field=spec.name) from error
    except (ValueError, TypeError, RecursionError) as error:
        inside = f" nested like {shown(spec.shape[1:])}" if spec.shape[1:] else ""
        sentence = f"{spec.name} must be {spec.datatype}{inside}: {str(error)[:_LONGEST]}"
        raise RowInvalid(sentence, row=row, field=spec.name) from error


def _made(spec: Spec, value: object) -> Array:
    kind, inner = DTYPES[spec.datatype].kind, spec.shape[1:]
    lone = inner in ((1,), (ANY,))
    if kind in "iu":
        return _whole(value, DTYPES[spec.datatype], _type(kind, len(inner), lone=lone))
    plain = msgspec.convert(value, _type(kind, len(inner), lone=lone))
    if kind == "O":
        return _elements(np.array(plain, dtype=object))
    return np.array(plain, dtype=bool if kind == "b" else np.float64)


def _whole(value: object, dtype: np.dtype[Any], kind: Any) -> Array:
    """Of integers; or of floats: what a WebSocket frame has as rows of numbers, whole or not."""
    plain = msgspec.convert(value, kind)
    found: Array = np.array(plain, np.float64 if _has_float(plain) else dtype)
    return found


def _has_float(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_has_float, value))
    return isinstance(value, float)


@lru_cache(maxsize=256)
def _type(kind: str, dimensions: int, *, lone: bool) -> Any:
    """What a row of it is made of; of one value it may be the value itself."""
    plain = found = _PLAIN[kind]
    for _ in range(dimensions):
        found = list[found]  # type: ignore[valid-type]  # made of what is known only now
    return plain | found if lone else found


def _elements(texts: Array) -> Array:
    """Texts as the bytes they are on the wire; lists of different lengths are no texts."""
    elements = np.empty(texts.size, dtype=object)
    elements[:] = [_encoded(each) for each in texts.ravel().tolist()]
    return elements.reshape(texts.shape)


def _encoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError(_NESTED)  # noqa: TRY004  # of the value, which is not the caller's type
    return text.encode()
