"""The rows of one request, whatever they came as, read by the schema of the algorithm they meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec

from inference.core.errors import RowInvalid, WeirError
from inference.core.reader import Packed, RowReader, json_array
from inference.core.tensors import Matrix

_encode = msgspec.json.encode
_FIRST = range(1)
_NO_ERRORS: Mapping[int, WeirError] = MappingProxyType({})


class Read(NamedTuple):
    """Rows that fit the schema as a matrix, and why the others do not.

    `places` says which of the positions asked for each row of the matrix is.
    """

    matrix: Matrix | None
    places: Sequence[int]
    errors: Mapping[int, WeirError]


class Rows(Protocol):
    """Rows as a request brought them; nothing is known yet about the schema."""

    def __len__(self) -> int: ...

    def read(self, reader: RowReader, positions: Sequence[int]) -> Read: ...

    def raw(self, position: int) -> str:
        """The row as JSON, as it came."""
        ...


class JsonRows:
    """Rows as JSON texts: records or rows by position."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def read(self, reader: RowReader, positions: Sequence[int]) -> Read:
        return _one_by_one(self._packed, reader, positions)

    def raw(self, position: int) -> str:
        return self._texts[position].decode("utf-8", "replace")

    def _packed(self, reader: RowReader, position: int) -> Packed:
        return reader.json(self._texts[position], position)


class ValueRows:
    """Rows that are Python values already: from a form, or from msgpack."""

    def __init__(self, values: Sequence[object]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def read(self, reader: RowReader, positions: Sequence[int]) -> Read:
        return _one_by_one(self._packed, reader, positions)

    def raw(self, position: int) -> str:
        return _encode(self._values[position]).decode()

    def _packed(self, reader: RowReader, position: int) -> Packed:
        return reader.value(self._values[position], position)


class NumberRows(ValueRows):
    """Rows by position that hold nothing but numbers: one array at once if they fit."""

    def __init__(self, values: Sequence[Sequence[float]]) -> None:
        super().__init__(values)
        self._numbers = values

    def read(self, reader: RowReader, positions: Sequence[int]) -> Read:
        everything = len(positions) == len(self)
        matrix = reader.block(
            self._numbers if everything else [self._numbers[p] for p in positions]
        )
        if matrix is None:
            return super().read(reader, positions)
        return Read(matrix, range(len(matrix)), _NO_ERRORS)


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
    pack: Callable[[RowReader, int], Packed], reader: RowReader, positions: Sequence[int]
) -> Read:
    if len(positions) == 1:  # what nearly every request is
        try:
            return Read(reader.matrix((pack(reader, positions[0]),)), _FIRST, _NO_ERRORS)
        except RowInvalid as error:
            return Read(None, (), {0: error.with_traceback(None)})
    return _several(pack, reader, positions)


def _several(
    pack: Callable[[RowReader, int], Packed], reader: RowReader, positions: Sequence[int]
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
    return Read(reader.matrix(packed) if packed else None, places, errors)
