"""Arrays as packed tensors and back: little-endian, row by row, as binary frames carry them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from weir_client.errors import Unexpected
from weir_client.values import Block, Failure

_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}


_NO_NUMBERS: Final = "cmM"  # numpy makes numbers of complex ones and of times, and says little


class Tensor(Struct, frozen=True, omit_defaults=True):
    """An array on the wire; `name` only where there are several."""

    datatype: str
    shape: tuple[int, ...]
    data: memoryview
    name: str = ""


class Answered(Struct, frozen=True):
    """The answer to a block on the wire."""

    request_ids: Tensor
    outputs: list[Tensor]
    algorithm: int
    version: str = ""
    classes: tuple[str, ...] = ()
    errors: dict[str, dict[str, Any]] = {}


def packed(rows: NDArray[Any]) -> Tensor:
    """Float32 as FP32 and every other kind of number as FP64; NaN is a missing value.

    Columns stand in the order of the schema, a category is its place there. Raises ValueError for
    an array that has not the shape [rows, width], or other things than numbers.
    """
    if rows.ndim != 2:
        raise ValueError(f"A block has two dimensions, not {rows.ndim}.")
    if rows.dtype.kind in _NO_NUMBERS:
        raise ValueError(f"A block has numbers, and {rows.dtype} is no kind of them.")
    name = "FP32" if rows.dtype.newbyteorder("=") == np.float32 else "FP64"
    array = np.ascontiguousarray(rows, dtype=_TYPES[name])
    return Tensor(name, array.shape, array.data.cast("B") if array.size else memoryview(b""))


def array_of(tensor: Tensor) -> NDArray[Any]:
    """Raises Unexpected."""
    kind = _TYPES.get(tensor.datatype)
    if kind is None or math.prod(tensor.shape) * kind.itemsize != tensor.data.nbytes:
        raise Unexpected(f"A tensor {tensor.name} of {tensor.datatype} does not fill its shape.")
    return np.frombuffer(tensor.data, kind).reshape(tensor.shape)


def block_of(answered: Answered) -> Block:
    """Raises Unexpected."""
    outputs = {tensor.name: array_of(tensor) for tensor in answered.outputs}
    return Block(
        array_of(answered.request_ids),
        answered.algorithm,
        answered.version,
        answered.classes,
        outputs.get("label"),
        outputs.get("probabilities"),
        outputs.get("value"),
        {int(row): _failure(said) for row, said in answered.errors.items()},
    )


def split(rows: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    """Pieces of at most `size` rows, which share its memory."""
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _failure(said: dict[str, Any]) -> Failure:
    return Failure(said["code"], said.get("message", ""), field=said.get("field"))
