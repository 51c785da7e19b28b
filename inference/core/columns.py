"""Whole columns become the numbers of a schema, without a step of Python for each row.

The same policy as for rows one by one (see `schema`); a value that no column operation can judge is
handed to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from inference.core.datatypes import Tensor
from inference.core.errors import RowInvalid, WeirError
from inference.core.schema import FLOAT32_MAX, MISSING, Feature, Schema
from inference.core.tensors import MOST_FOR_A_DOT, Array, Matrix

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Errors = dict[int, WeirError]
_NONE: Final[Mapping[int, WeirError]] = {}
_FLOAT32_MAX_SQUARED: Final = FLOAT32_MAX**2
_MATRIX: Final = 2  # dimensions
_NUMBERS: Final = "iuf"
_FLOAT32_BYTES: Final = 4


def read(schema: Schema, named: Sequence[Tensor]) -> tuple[Matrix, Mapping[int, WeirError]]:
    """Shape [rows, width], and by row what is wrong with it; raises RowInvalid for all of them."""
    by_name = {tensor.name: tensor for tensor in named}
    if len(by_name) != len(named):
        raise RowInvalid("Two tensors have the same name.")
    if len(named) == 1 and by_name.keys().isdisjoint(schema.names):
        return _by_position(schema, named[0])
    return _by_name(schema, by_name)


def within_float32(matrix: Matrix) -> bool:
    """False if any number is, or may be, NaN or beyond float32: the slow way knows exactly.

    No square is larger than the sum of all, which is had in a quarter of the time of a look.
    """
    if matrix.size > MOST_FOR_A_DOT:
        return bool(matrix.max() <= FLOAT32_MAX and matrix.min() >= -FLOAT32_MAX)
    return bool(np.vdot(matrix, matrix) <= _FLOAT32_MAX_SQUARED)


def _by_position(schema: Schema, tensor: Tensor) -> tuple[Matrix, Mapping[int, WeirError]]:
    """In the order of the features; a category is the index of it in the schema."""
    array, width = tensor.array, schema.width
    if array.ndim != _MATRIX or array.shape[1] != width or array.dtype.kind not in _NUMBERS:
        names = ", ".join(schema.names[:3])
        shape = list(array.shape)
        raise RowInvalid(
            f"The endpoint takes numbers of shape [rows, {width}], or a tensor for each feature by "
            f"name ({names}...), not {tensor.name[:40]!r}: {tensor.datatype} {shape}."
        )
    matrix = array.astype(np.float64)
    if not _particular(schema) and _all_fit(array, matrix):
        return matrix, _NONE
    return matrix, _sorted(_judged(schema, matrix))


def _all_fit(array: Array, matrix: Matrix) -> bool:
    """As `within_float32`; numbers of four bytes are, unless they are none."""
    if array.dtype.itemsize <= _FLOAT32_BYTES:
        return bool(np.isfinite(array).all())
    return within_float32(matrix)


def _particular(schema: Schema) -> bool:
    return any(each.kind == "category" or each.bounded for each in schema.features)


def _judged(schema: Schema, matrix: Matrix) -> Errors:
    errors: Errors = {}
    for feature, column in zip(schema.features, matrix.T, strict=True):
        for row in np.flatnonzero(_wrong(feature, column)).tolist():
            sentence = f"{feature.name} cannot be {column[row]!s}."
            errors.setdefault(row, RowInvalid(sentence, row=row, field=feature.name))
    return errors


def _wrong(feature: Feature, column: Column) -> Mask:
    missing = np.isnan(column)
    if feature.kind == "category":
        # The index after the last one is the category that nobody has seen.
        fits = (column >= 0) & (column <= len(feature.categories)) & (column == np.floor(column))
    else:
        fits = np.abs(column) <= FLOAT32_MAX
    if feature.bounded:
        fits &= ~_beyond(feature, column)
    wrong: Mask = ~fits & ~missing | missing & feature.required
    return wrong


def _beyond(feature: Feature, column: Column) -> Mask:
    """As `Feature.beyond`."""
    if feature.kind == "category":
        return column >= len(feature.categories)
    low = -np.inf if feature.minimum is None else feature.minimum
    high = np.inf if feature.maximum is None else feature.maximum
    outside: Mask = (column < low) | (column > high)
    return outside


def _by_name(
    schema: Schema, by_name: Mapping[str, Tensor]
) -> tuple[Matrix, Mapping[int, WeirError]]:
    if by_name.keys().isdisjoint(schema.names):
        raise RowInvalid("None of the tensors has the name of a feature.")
    rows = len(next(iter(by_name.values())).array)
    matrix = np.full((rows, schema.width), MISSING)
    errors: Errors = {}
    for index, feature in enumerate(schema.features):
        values = _column(feature, by_name.get(feature.name), rows)
        matrix[:, index] = _numbers(schema, feature, values, errors)
    return matrix, _sorted(errors)


def _sorted(errors: Errors) -> Errors:
    """By row: the first is the one that refuses the request."""
    return dict(sorted(errors.items()))


def _column(feature: Feature, tensor: Tensor | None, rows: int) -> Array:
    if tensor is None:
        return np.full(rows, MISSING)
    array = tensor.array
    if array.size != rows or array.ndim > _MATRIX:
        shape = list(array.shape)
        raise RowInvalid(f"{feature.name} has shape [rows], not {shape}.", field=feature.name)
    return array.reshape(rows)


def _numbers(schema: Schema, feature: Feature, values: Array, errors: Errors) -> Array:
    if feature.kind != "category" and values.dtype.kind in _NUMBERS:
        numbers = values.astype(np.float64)
        if not _wrong(feature, numbers).any():
            return numbers
    if values.dtype.kind == "f" and np.isnan(values).all() and not feature.required:
        return values
    found = _known(feature, values) if values.dtype == object else np.full(len(values), MISSING)
    doubtful = np.flatnonzero(np.isnan(found)).tolist()
    for row in doubtful:
        found[row] = _one(schema, feature, values[row], row, errors)
    return found


def _known(feature: Feature, values: Array) -> Column:
    """The indexes of categories that are spelt as in the schema; NaN for anything else."""
    codes = {category.encode(): code for code, category in enumerate(feature.categories)}
    return np.array([codes.get(raw, MISSING) for raw in values.tolist()], dtype=np.float64)


def _one(schema: Schema, feature: Feature, raw: Any, row: int, errors: Errors) -> float:
    """By the policy for rows; what it refuses is noted."""
    try:
        plain = raw.decode() if isinstance(raw, bytes) else raw.item()
        return schema.value(feature, plain, row)
    except RowInvalid as error:
        errors.setdefault(row, error.with_traceback(None))
    except UnicodeDecodeError:
        sentence = f"{feature.name} is not UTF-8."
        errors.setdefault(row, RowInvalid(sentence, row=row, field=feature.name))
    return MISSING
