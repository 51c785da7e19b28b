"""Arrays as packed tensors and back: little-endian, row by row, as binary frames carry them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from weir_client.errors import Unexpected
from weir_client.values import Block, Failure

_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}
_TEXTS: Final = "BYTES"
_LENGTH: Final = struct.Struct("<I")  # of a text, before it
_LEAST_DIMENSIONS: Final = 2
_NO_NUMBERS: Final = "cmM"  # numpy makes numbers of complex ones and of times, and says little
# What a server reads as one frame unless it was told otherwise, less what stands around the array.
_MOST_BYTES: Final = (1 << 20) - (1 << 14)


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
    """Integers and floats as they are, all else that is a number as FP64; NaN is a missing value.

    Columns stand in the order of the schema, a category is its place there; a graph may read more
    dimensions. Raises ValueError for an array of less than two, or of other things than numbers.
    """
    if rows.ndim < _LEAST_DIMENSIONS:
        raise ValueError(f"A block has two dimensions or more, not {rows.ndim}.")
    if rows.dtype.kind in _NO_NUMBERS:
        raise ValueError(f"A block has numbers, and {rows.dtype} is no kind of them.")
    name = _datatype(rows.dtype)
    array = np.ascontiguousarray(rows, dtype=_TYPES[name])
    return Tensor(name, array.shape, array.data.cast("B") if array.size else memoryview(b""))


def _datatype(kind: np.dtype[Any]) -> str:
    """A truth is no number to a server that reads a table."""
    return _NAMES.get(kind.newbyteorder("<"), "FP64") if kind.kind in "iuf" else "FP64"


def array_of(tensor: Tensor) -> NDArray[Any]:
    """Raises Unexpected."""
    if tensor.datatype == _TEXTS:
        return _texts(tensor)
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
        outputs.get("label") if answered.classes else None,
        outputs.get("probabilities") if answered.classes else None,
        outputs.get("value"),
        {int(row): _failure(said) for row, said in answered.errors.items()},
        outputs,
    )


def split(rows: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    """Pieces of at most `size` rows that fit a frame, which share its memory."""
    row = math.prod(rows.shape[1:]) * _TYPES[_datatype(rows.dtype)].itemsize
    step = max(1, min(size, _MOST_BYTES // max(1, row)))
    return (rows[at : at + step] for at in range(0, len(rows), step))


def _texts(tensor: Tensor) -> NDArray[Any]:
    """Each with its length before it; raises Unexpected."""
    data, at, found = bytes(tensor.data), 0, []
    while at + _LENGTH.size <= len(data):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(data, at)[0]
        found.append(data[start:at])
    if at != len(data) or len(found) != math.prod(tensor.shape):
        raise Unexpected(f"A tensor {tensor.name} of texts does not fill its shape.")
    array = np.empty(len(found), dtype=object)
    array[:] = found
    return array.reshape(tensor.shape)


def _failure(said: dict[str, Any]) -> Failure:
    return Failure(said["code"], said.get("message", ""), field=said.get("field"))
