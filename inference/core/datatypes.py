"""The datatypes of the Open Inference Protocol, and how arrays of them look as bytes.

Little-endian, row-major, without padding; BOOL is one byte, a BYTES element its length as four
bytes and then itself (the binary tensor data extension of the protocol).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.core.errors import RowInvalid
from inference.core.tensors import Array

BYTES: Final = "BYTES"
DTYPES: Final = MappingProxyType(
    {
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
        BYTES: np.dtype(object),
    }
)
MAX_DIMENSIONS: Final = 8
MAX_ELEMENTS: Final = 1 << 40  # far beyond any body; what is larger need not be multiplied further
_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}
_LENGTH: Final = struct.Struct("<I")


class Tensor(NamedTuple):
    """An array with its name and its datatype; of BYTES the elements are `bytes`."""

    name: str
    datatype: str
    array: Array

    def taken(self, positions: Sequence[int]) -> Tensor:
        """Of these rows only."""
        return self._replace(array=self.array[list(positions)])


def named(name: str, array: Array) -> Tensor:
    """With the datatype that the array has."""
    return Tensor(name, _NAMES[array.dtype], array)


def texts(name: str, values: Sequence[str]) -> Tensor:
    """A BYTES tensor of one dimension."""
    array = np.empty(len(values), dtype=object)
    array[:] = [value.encode() for value in values]
    return Tensor(name, BYTES, array)


def count(shape: Sequence[int]) -> int:
    """How many elements an array of this shape has; exact, however large."""
    return math.prod(shape)


def shown(shape: Sequence[int]) -> str:
    """For a sentence; a size may have any number of digits."""
    return str([min(max(size, -1), MAX_ELEMENTS + 1) for size in shape])


def decoded(name: str, datatype: str, shape: Sequence[int], data: bytes | memoryview) -> Tensor:
    """The tensor in these bytes, as a view where there is something to view; raises RowInvalid."""
    dtype, wanted = described(name, datatype, shape)
    if datatype == BYTES:
        return Tensor(name, datatype, _elements(name, data, wanted).reshape(shape))
    if len(data) != wanted * dtype.itemsize:
        sentence = f"{shown(shape)} of {datatype} are {wanted * dtype.itemsize} bytes"
        raise RowInvalid(f"{sentence}, not {len(data)}.", field=name)
    return Tensor(name, datatype, _viewed(data, dtype).reshape(shape))


def described(name: str, datatype: str, shape: Sequence[int]) -> tuple[np.dtype[Any], int]:
    """The type of such an array, and how many elements it has; raises RowInvalid."""
    dtype = DTYPES.get(datatype)
    if dtype is None:
        raise RowInvalid(f"{datatype[:20]!r} is no datatype.", field=name)
    if not 0 < len(shape) <= MAX_DIMENSIONS:
        sentence = f"A tensor has 1 to {MAX_DIMENSIONS} dimensions, not {len(shape)}."
        raise RowInvalid(sentence, field=name)
    if min(shape) < 0:
        raise RowInvalid(f"A shape has no negative sizes: {shown(shape)}.", field=name)
    if not 0 < (wanted := count(shape)) <= MAX_ELEMENTS:
        sentence = f"A tensor of shape {shown(shape)} holds nothing, or more than there is."
        raise RowInvalid(sentence, field=name)
    return dtype, wanted


def encoded(array: Array) -> bytes:
    """The array's bytes."""
    if array.dtype == object:
        return b"".join([_LENGTH.pack(len(each)) + each for each in array.ravel().tolist()])
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _viewed(data: bytes | memoryview, dtype: np.dtype[np.generic]) -> Array:
    found: Array = np.frombuffer(data, dtype)
    # Any byte but 0 is true; numpy would carry a 2 along.
    return found.view(np.uint8).astype(bool) if dtype.kind == "b" else found


def _elements(name: str, data: bytes | memoryview, wanted: int) -> npt.NDArray[np.object_]:
    whole, at, found = bytes(data), 0, []
    if wanted > len(whole) // _LENGTH.size:
        raise RowInvalid(f"{wanted} elements do not fit {len(whole)} bytes.", field=name)
    for _ in range(wanted):
        start = at + _LENGTH.size
        if start > len(whole):
            raise RowInvalid("A BYTES tensor ends before its last element.", field=name)
        at = start + _LENGTH.unpack_from(whole, at)[0]
        found.append(whole[start:at])
    if at != len(whole):
        raise RowInvalid("A BYTES tensor is not as long as its elements say.", field=name)
    array = np.empty(wanted, dtype=object)
    array[:] = found
    return array
