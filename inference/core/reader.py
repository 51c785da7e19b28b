"""How bytes from the wire become the numbers of a schema, fast where nothing is doubtful.

Three tiers, each exact. (1) A compiled decoder takes a record that has every feature, each of the
type the schema names, and nothing else. (2) A generic decoder and `Schema.encode` take what is
well formed and free of doubt. (3) `jsonstrict` takes the rest and says what is wrong. Tiers 1 and 2
cannot see duplicate names, so both count the quotes: a text without backslashes holds two for each
name and each string value, and one more pair is a reason to look closer.

A row is passed on as the bytes of its float64 values, so that the rows of a batch are joined by one
`bytes.join` and become a matrix without a copy per row.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol, cast

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType

from inference.core import columns, jsonstrict, signature
from inference.core.datatypes import Tensor
from inference.core.errors import JsonInvalid, RowInvalid, WeirError
from inference.core.schema import FLOAT32_MAX, Feature, Schema
from inference.core.signature import Signature
from inference.core.tensors import Matrix, Tensors

Number = Annotated[float, Meta(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]
Packed = Any  # a row as one reader packs it, for the same one to join; of a table bytes

# What a larger integer becomes is for `jsonstrict` to say.
Whole = Annotated[int, Meta(ge=-(10**18), le=10**18)]
Plain = str | Whole | float | bool | None
_flat = msgspec.json.Decoder(dict[str, Plain]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw])

# msgspec reports bad UTF-8 as UnicodeDecodeError, a ValueError like its own errors.
_MALFORMED = (ValueError, RecursionError)
# A missing, null or unseen value, another type, or no JSON at all.
_DOUBTS = (*_MALFORMED, struct.error, KeyError)


class Reader(Protocol):
    """Makes of rows what one model takes."""

    @property
    def hash(self) -> str:
        """Two models with the same hash read rows alike."""
        ...

    @property
    def signature(self) -> Signature: ...

    def json(self, body: bytes, row: int = 0) -> Packed:
        """One row as JSON text; raises JsonInvalid or RowInvalid."""
        ...

    def value(self, value: object, row: int = 0) -> Packed:
        """One row that is decoded already; raises RowInvalid."""
        ...

    def block(self, rows: Sequence[Sequence[float]]) -> Tensors | None:
        """Rows of nothing but numbers, at once; None if that needs a closer look."""
        ...

    def joined(self, rows: Sequence[Packed]) -> Tensors:
        """What the model is given for these rows."""
        ...

    def tensors(self, named: Sequence[Tensor]) -> tuple[Tensors, Mapping[int, WeirError]]:
        """Of all rows, with what is wrong with those that do not fit, which hold anything then.

        Raises RowInvalid if none can.
        """
        ...


class RowReader:
    """Reads records, positional rows and columns for one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._record = msgspec.json.Decoder(_row_type(schema, by_name=True))
        self._list = msgspec.json.Decoder(_row_type(schema, by_name=False))
        self._pack = struct.Struct(f"{schema.width}d").pack
        self._astuple = msgspec.structs.astuple
        self._categories = tuple(
            (index, _codes(schema, index))
            for index, feature in enumerate(schema.features)
            if feature.kind == "category"
        )
        self._bounded = any(feature.bounded for feature in schema.features)
        # Two quotes for each name, two for each category that is not null.
        self._width = schema.width
        self._quotes = 2 * (schema.width + len(self._categories))
        self.signature = signature.of(schema)

    @property
    def hash(self) -> str:
        return self.schema.hash

    def json(self, body: bytes, row: int = 0) -> Packed:
        """One record as JSON text; raises JsonInvalid or RowInvalid."""
        if b"\\" in body:
            return self.value(jsonstrict.loads(body), row)
        packed = self._fast(body)
        return packed if packed is not None else self.value(_plain(body), row)

    def value(self, value: object, row: int = 0) -> Packed:
        """One record, or one row by position, that is decoded already."""
        if isinstance(value, Mapping):
            return self._pack(*self.schema.encode(value, row))
        if isinstance(value, list):
            return self._pack(*self.schema.encode(self.named(value, row), row))
        raise RowInvalid("A row is an object with the features as names.", row=row)

    def named(self, values: Sequence[object], row: int = 0) -> dict[str, object]:
        """A positional row by name; the order is the schema's."""
        if len(values) != self.schema.width:
            wanted, given = self.schema.width, len(values)
            raise RowInvalid(f"A row by position has {wanted} values, not {given}.", row=row)
        return dict(zip(self.schema.names, values, strict=True))

    def block(self, rows: Iterable[Sequence[float]]) -> Tensors | None:
        """Rows by position that hold nothing but numbers, at once; None if one does not fit."""
        if self._categories or self._bounded:
            return None
        try:
            matrix = self.matrix([self._pack(*row) for row in rows])
        except struct.error:
            return None
        return (matrix,) if columns.within_float32(matrix) else None

    def joined(self, rows: Sequence[Packed]) -> Tensors:
        return (self.matrix(rows),)

    def tensors(self, named: Sequence[Tensor]) -> tuple[Tensors, Mapping[int, WeirError]]:
        """A matrix [rows, width] by position, of any name, or columns by name."""
        matrix, errors = columns.read(self.schema, named)
        return (matrix,), errors

    def matrix(self, rows: Sequence[Packed]) -> Matrix:
        """Shape [rows, width]."""
        joined = rows[0] if len(rows) == 1 else b"".join(rows)
        return np.ndarray((len(rows), self._width), np.float64, joined)

    def _fast(self, body: bytes) -> Packed | None:
        try:
            if body[:1] == b"[":
                return self._packed(self._astuple(self._list.decode(body)))
            values = self._astuple(self._record.decode(body))
            return self._packed(values) if body.count(b'"') == self._quotes else None
        except _DOUBTS:
            return None

    def _packed(self, values: Sequence[Any]) -> Packed:
        if self._categories:
            values = list(values)
            for index, codes in self._categories:
                values[index] = codes[values[index]]
        return self._pack(*values)


def _codes(schema: Schema, index: int) -> dict[str, float]:
    return {c: float(code) for code, c in enumerate(schema.features[index].categories)}


def _row_type(schema: Schema, *, by_name: bool) -> type[Struct]:
    """A struct whose fields are the features; an absent one is UNSET, which does not pack.

    Read from an object, or from an array in the order of the schema that has nothing more.
    """
    fields = [
        (
            f"f{index}",
            str | UnsetType if feature.kind == "category" else _number_type(feature) | UnsetType,
            msgspec.field(name=feature.name, default=UNSET),
        )
        for index, feature in enumerate(schema.features)
    ]
    return msgspec.defstruct(
        "Row",
        cast("Any", fields),
        array_like=not by_name,
        forbid_unknown_fields=not by_name,
        gc=False,
    )


def _number_type(feature: Feature) -> Any:
    """What is beyond the bounds of a bounded one does not decode, and is read the long way."""
    if not feature.bounded:
        return Number
    low = -FLOAT32_MAX if feature.minimum is None else feature.minimum
    high = FLOAT32_MAX if feature.maximum is None else feature.maximum
    return Annotated[float, Meta(ge=low, le=high)]


def _plain(body: bytes) -> object:
    """What the generic decoder and the strict one agree on: a flat object that names nothing twice.

    What is nested is of no use in a row, and how deep it goes is for the strict one to count.
    """
    try:
        value = _flat(body)
    except _MALFORMED:
        return jsonstrict.loads(body)
    return value if body.count(b'"') == 2 * (len(value) + _texts(value)) else jsonstrict.loads(body)


def _texts(record: Mapping[str, object]) -> int:
    return [*map(type, record.values())].count(str)


def json_array(body: bytes) -> list[bytes]:
    """The items of a JSON array, each as its own text; raises JsonInvalid."""
    try:
        return [bytes(item) for item in _items.decode(body)]
    except _MALFORMED as error:
        jsonstrict.loads(body)
        raise JsonInvalid("JSON parse error - expected an array") from error
