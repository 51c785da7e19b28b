"""One row's value of a tensor as JSON has it, nested like its shape, as an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from inference.core.datatypes import BYTES, DTYPES, shown
from inference.core.errors import RowInvalid
from inference.core.signature import ANY, Spec
from inference.core.tensors import Array

# A WebSocket frame's rows of numbers are floats by the time they come here, whole or not.
_KINDS = {"b": "b", "i": "iuf", "u": "iuf", "f": "iuf", "O": "U"}
_EXACT = 2.0**53  # beyond it a float may have been another integer
_FLOATS = (int, float, type(None))


def array(spec: Spec, value: object, row: int = 0) -> Array:
    """Without the dimension of the rows; raises RowInvalid naming the tensor.

    A number that is none is null. A lone value stands for a list of one.
    """
    found = _parsed(spec, value, row)
    wanted = spec.shape[1:]
    if found.ndim == 0 and wanted in ((1,), (ANY,)):
        found = found.reshape(1)
    if not fits(found.shape, wanted):
        sentence = f"{spec.name} has the shape {shown(wanted)} in a row, not {shown(found.shape)}."
        raise RowInvalid(sentence, row=row, field=spec.name)
    return cast_to(spec, found, row)


def fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether an array of this shape is one of those wanted."""
    return len(shape) == len(wanted) and all(
        most in (size, ANY) for size, most in zip(shape, wanted, strict=True)
    )


def cast_to(spec: Spec, found: Array, row: int | None = None) -> Array:
    """Of the datatype of the tensor; raises RowInvalid for a number beyond it."""
    if spec.datatype == BYTES:
        return _elements(found)
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
        return (after != before) | (np.abs(before) > _EXACT)
    return after != before


def _parsed(spec: Spec, value: object, row: int) -> Array:
    kinds = _KINDS[DTYPES[spec.datatype].kind]
    try:
        found: Array = np.array(value)
        if found.dtype == object and "f" in kinds and _all_numbers(value):
            found = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        sentence = f"{spec.name} is not nested like {shown(spec.shape[1:])}."
        raise RowInvalid(sentence, row=row, field=spec.name) from error
    # numpy would make of a text beside a number two texts, and of true beside 2 two numbers.
    if found.dtype.kind not in kinds or _mixed(value, found.dtype.kind):
        sentence = f"{spec.name} must hold {spec.datatype} and nothing else."
        raise RowInvalid(sentence, row=row, field=spec.name)
    return found


def _all_numbers(value: object) -> bool:
    return all(isinstance(each, _FLOATS) for each in _leaves(value))


def _mixed(value: object, kind: str) -> bool:
    if kind == "U":
        return not all(isinstance(each, str) for each in _leaves(value))
    return kind != "b" and any(isinstance(each, bool) for each in _leaves(value))


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


def _elements(found: Array) -> Array:
    """Texts as numpy has them, as the bytes they are on the wire."""
    elements = np.empty(found.size, dtype=object)
    elements[:] = [str(each).encode() for each in found.ravel().tolist()]
    return elements.reshape(found.shape)
