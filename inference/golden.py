"""Rows kept with a model, and what it said to them on the day it was made."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np

from inference.core import datatypes
from inference.core.errors import BundleInvalid, WeirError
from inference.core.graphs import Graph
from inference.core.schema import Schema
from inference.core.signature import ANY, Spec
from inference.core.tensors import Array, Matrix, Tensors, cut
from inference.runtimes.base import Runtime, width

# Another processor may sum in another order; a different model is further away than that.
_TOLERANCE: Final = 1e-6
_TOLERANCES: Final = MappingProxyType({"FP16": 1e-2, "FP32": 1e-4, "FP64": _TOLERANCE})


class Kept(msgspec.Struct, frozen=True):
    """A tensor; as JSON its bytes are base64."""

    datatype: str
    shape: list[int]
    data: bytes


class Golden(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a table raw rows and the outputs to them, of a graph the tensors in and out."""

    records: list[dict[str, object]]
    outputs: list[list[float]]
    inputs: list[Kept] = []
    answers: list[Kept] = []


def of_graph(graph: Graph, inputs: Tensors, answers: Tensors) -> Golden:
    """What is kept of these."""
    return Golden(
        records=[],
        outputs=[],
        inputs=_kept(graph.signature.inputs, inputs),
        answers=_kept(graph.signature.outputs, answers),
    )


def check(golden: Golden, schema: Schema | Graph) -> None:
    """Raises BundleInvalid unless there are rows and they fit."""
    if isinstance(schema, Graph):
        fits = _fits(golden.inputs, schema.signature.inputs)
        fits = fits and _fits(golden.answers, schema.signature.outputs)
        rows = {tuple(kept.shape[:1]) for kept in (*golden.inputs, *golden.answers)}
        fits = fits and len(rows) == 1 and rows != {(0,)}
    else:
        shape = {len(row) for row in golden.outputs}
        fits = len(golden.records) == len(golden.outputs) and shape == {width(schema)}
    if not fits:
        raise BundleInvalid("The bundle's golden rows do not fit its schema.")


def verify(golden: Golden, schema: Schema | Graph, runtime: Runtime) -> None:
    """They come out as they did, together and one by one; raises BundleInvalid."""
    if isinstance(schema, Graph):
        _verify_graph(golden, schema, runtime)
        return
    expected = np.array(golden.outputs, dtype=np.float64)
    matrix = _matrix(golden, schema)
    _compare(answers(runtime, matrix), expected)
    for row in range(len(matrix)):
        _compare(answers(runtime, matrix[row : row + 1]), expected[row : row + 1])


def answers(runtime: Runtime, matrix: Matrix) -> Matrix:
    """What the model of a table says to these rows; raises BundleInvalid if it is no prediction."""
    (out,) = called(runtime, (matrix,))
    if out.ndim != 2 or len(out) != len(matrix) or not np.isfinite(out).all():
        raise BundleInvalid("The model does not give finite numbers, one row for each row.")
    return out.astype(np.float64, copy=False)


def called(runtime: Runtime, tensors: Tensors) -> Tensors:
    """What the model says; raises BundleInvalid if it raises anything."""
    try:
        return runtime.predict(tensors)
    except WeirError as error:
        raise BundleInvalid(f"The model fails on a row: {error.message}") from error
    except Exception as error:  # the model's code is not ours: whatever it raises, it is unfit
        raise BundleInvalid(f"The model fails on a row: {type(error).__name__}: {error}") from error


def _verify_graph(golden: Golden, graph: Graph, runtime: Runtime) -> None:
    inputs = tuple([_array(kept) for kept in golden.inputs])
    expected = tuple([_array(kept) for kept in golden.answers])
    _compare_all(graph, called(runtime, inputs), expected)
    for row in range(len(inputs[0])):
        span = (row, row + 1)
        _compare_all(graph, called(runtime, cut(inputs, *span)), cut(expected, *span))


def _kept(specs: Sequence[Spec], tensors: Tensors) -> list[Kept]:
    return [
        Kept(spec.datatype, list(array.shape), datatypes.encoded(array))
        for spec, array in zip(specs, tensors, strict=True)
    ]


def _array(kept: Kept) -> Array:
    try:
        return datatypes.decoded("", kept.datatype, kept.shape, kept.data).array
    except WeirError as error:
        raise BundleInvalid(f"A golden row is damaged: {error.message}") from error


def _fits(kept: Sequence[Kept], specs: Sequence[Spec]) -> bool:
    return [each.datatype for each in kept] == [spec.datatype for spec in specs] and all(
        len(each.shape) == len(spec.shape)
        and all(wanted in (ANY, size) for size, wanted in zip(each.shape, spec.shape, strict=True))
        for each, spec in zip(kept, specs, strict=True)
    )


def _matrix(golden: Golden, schema: Schema) -> Matrix:
    try:
        return schema.encode_many(golden.records)
    except WeirError as error:
        raise BundleInvalid(f"A golden row does not fit the schema: {error}") from error


def _compare(found: Array, expected: Array, tolerance: float | None = _TOLERANCE) -> None:
    if found.shape != expected.shape or not _close(found, expected, tolerance):
        raise BundleInvalid("The model no longer answers its golden rows as it did.")


def _compare_all(graph: Graph, found: Tensors, expected: Tensors) -> None:
    for spec, one, other in zip(graph.signature.outputs, found, expected, strict=True):
        _compare(one, other, _TOLERANCES.get(spec.datatype))


def _close(found: Array, expected: Array, tolerance: float | None) -> bool:
    """What is no float has to be the same; a NaN stays one."""
    if tolerance is None:
        return bool(np.array_equal(found, expected))
    return np.allclose(found, expected, tolerance, tolerance, equal_nan=True)
