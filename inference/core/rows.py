"""The rows of one request, whatever they came as, read by the schema of the algorithm they meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, Protocol, cast

import msgspec
import numpy as np

from inference.core.datatypes import BYTES, Tensor
from inference.core.errors import RowInvalid, WeirError
from inference.core.reader import Packed, Reader, json_array
from inference.core.tensors import Tensors

_MATRIX = 2  # dimensions
_encode = msgspec.json.encode
_FIRST = range(1)
_NO_ERRORS: Mapping[int, WeirError] = MappingProxyType({})


class Read(NamedTuple):
    """Rows that fit the model as what it takes, and why the others do not.

    `places` says which of the positions asked for each row of the tensors is.
    """

    tensors: Tensors | None
    places: Sequence[int]
    errors: Mapping[int, WeirError]


class Rows(Protocol):
    """Rows as a request brought them; nothing is known yet about the model."""

    def __len__(self) -> int: ...

    def read(self, reader: Reader, positions: Sequence[int]) -> Read: ...

    def raw(self, position: int) -> str:
        """The row as JSON, as it came."""
        ...


class JsonRows:
    """Rows as JSON texts: records or rows by position."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def read(self, reader: Reader, positions: Sequence[int]) -> Read:
        return _one_by_one(self._packed, reader, positions)

    def raw(self, position: int) -> str:
        return self._texts[position].decode("utf-8", "replace")

    def _packed(self, reader: Reader, position: int) -> Packed:
        return reader.json(self._texts[position], position)


class ValueRows:
    """Rows that are Python values already: from a form, or from msgpack."""

    def __init__(self, values: Sequence[object]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def read(self, reader: Reader, positions: Sequence[int]) -> Read:
        return _one_by_one(self._packed, reader, positions)

    def raw(self, position: int) -> str:
        return _encode(self._values[position]).decode()

    def _packed(self, reader: Reader, position: int) -> Packed:
        return reader.value(self._values[position], position)


class NumberRows(ValueRows):
    """Rows by position that hold nothing but numbers: one array at once if they fit."""

    def __init__(self, values: Sequence[Sequence[float]]) -> None:
        super().__init__(values)
        self._numbers = values

    def read(self, reader: Reader, positions: Sequence[int]) -> Read:
        everything = len(positions) == len(self)
        tensors = reader.block(
            self._numbers if everything else [self._numbers[p] for p in positions]
        )
        if tensors is None:
            return super().read(reader, positions)
        return Read(tensors, range(len(positions)), _NO_ERRORS)


class TensorRows:
    """Rows as named arrays that all have the same first dimension: a column, or many, each."""

    def __init__(self, named: Sequence[Tensor]) -> None:
        """Raises RowInvalid unless they all have the same number of rows."""
        sizes = {len(each.array) if each.array.ndim else -1 for each in named}
        if len(sizes) != 1 or -1 in sizes:
            raise RowInvalid("All tensors must have the same first dimension: the rows.")
        self._named = named

    def __len__(self) -> int:
        return len(self._named[0].array)

    def read(self, reader: Reader, positions: Sequence[int]) -> Read:
        everything = len(positions) == len(self)
        found, errors = reader.tensors(
            self._named if everything else [each.taken(positions) for each in self._named]
        )
        if not errors:
            return Read(found, range(len(positions)), _NO_ERRORS)
        good = [place for place in range(len(positions)) if place not in errors]
        return Read(tuple(a[good] for a in found) if good else None, good, errors)

    def raw(self, position: int) -> str:
        return _encode(self._values[position]).decode()

    @cached_property
    def _values(self) -> list[object]:
        """A lone matrix is rows by position, anything else rows by name; NaN is null."""
        columns = [_plain(each) for each in self._named]
        if len(columns) == 1 and self._named[0].array.ndim == _MATRIX:
            return columns[0]
        names = [each.name for each in self._named]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _plain(tensor: Tensor) -> list[object]:
    array = tensor.array
    if array.ndim == _MATRIX and array.shape[1] == 1 and tensor.datatype == BYTES:
        array = array[:, 0]
    if tensor.datatype == BYTES:
        return cast("list[object]", _texts(array.tolist()))
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        array = array.astype(object)
        array[~finite] = np.array(None, dtype=object)
    return cast("list[object]", array.tolist())


def _texts(value: object) -> object:
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def from_json(body: bytes) -> tuple[Rows, bool]:
    """An object is one record, an array is a batch (and the second value says which it was)."""
    if body.lstrip()[:1] == b"[":
        return JsonRows(json_array(body)), True
    return JsonRows((body,)), False


def to_json(rows: Rows, *, batch: bool) -> str:
    """What `from_json` reads the same rows from."""
    texts = [rows.raw(position) for position in range(len(rows))]
    return f"[{','.join(texts)}]" if batch else texts[0]


def _one_by_one(
    pack: Callable[[Reader, int], Packed], reader: Reader, positions: Sequence[int]
) -> Read:
    if len(positions) == 1:  # what nearly every request is
        try:
            return Read(reader.joined((pack(reader, positions[0]),)), _FIRST, _NO_ERRORS)
        except RowInvalid as error:
            return Read(None, (), {0: error.with_traceback(None)})
    return _several(pack, reader, positions)


def _several(
    pack: Callable[[Reader, int], Packed], reader: Reader, positions: Sequence[int]
) -> Read:
    packed: list[Packed] = []
    places: list[int] = []
    errors: dict[int, WeirError] = {}
    for place, position in enumerate(positions):
        try:
            packed.append(pack(reader, position))
            places.append(place)
        except RowInvalid as error:
            errors[place] = error.with_traceback(None)  # which holds these errors
    return Read(reader.joined(packed) if packed else None, places, errors)
