"""How bytes from the wire become the tensors of a graph.

As for tables (see `reader`), a compiled decoder takes what is free of doubt, and what it cannot see
or does not take goes to `jsonstrict`. A row names its tensors, or is the tensor where there is only
one: {"tokens": [1, 2], "mask": [true, true]}, or [1, 2]. Null is NaN in a tensor of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np

from inference.core import jsonstrict
from inference.core.datatypes import DTYPES, Tensor
from inference.core.errors import RowInvalid, WeirError
from inference.core.graphs import Graph
from inference.core.reader import Packed
from inference.core.signature import ANY, REQUEST_ID, Signature, Spec
from inference.core.tensors import Array, Tensors
from inference.core.types import NO_ERRORS

_EXACT: Final = 2.0**53  # below this every whole number is a float, and no two are the same
_PLAIN: Final[Mapping[str, Any]] = {"b": bool, "i": int, "u": int, "f": float | None, "O": str}
_LONGEST: Final = 200  # characters of what a decoder complains of: it may quote what was sent
_VECTOR: Final = 1  # dimensions
_MALFORMED: Final = (ValueError, RecursionError)


class GraphReader:
    """Reads named tensors, and rows of them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        inputs, outputs = graph.signature
        self.signature = Signature(inputs, (*outputs, Spec(REQUEST_ID, "INT64", (ANY,))))
        self._inputs = {spec.name: _Input(spec) for spec in inputs}
        self._all = tuple(self._inputs.values())
        self._lone = self._all[0] if len(self._all) == 1 else None
        self._record = msgspec.json.Decoder(_row_type(self._all)).decode
        self._astuple: Any = msgspec.structs.astuple

    @property
    def hash(self) -> str:
        return self.graph.hash

    def json(self, body: bytes, row: int = 0) -> Packed:
        """One row as JSON text; raises JsonInvalid or RowInvalid."""
        packed = None if b"\\" in body else self._fast(body)
        return self.value(jsonstrict.loads(body), row) if packed is None else packed

    def value(self, value: object, row: int = 0) -> Packed:
        """One row that is decoded already; raises RowInvalid."""
        if not isinstance(value, Mapping):
            if self._lone is None:
                sentence = f"A row is an object with {', '.join(self._inputs)} as names."
                raise RowInvalid(sentence[:_LONGEST], row=row)
            return (self._lone.value(value, row),)
        self._refuse_names(list(value), row)
        return tuple([each.value(value[name], row) for name, each in self._inputs.items()])

    def block(self, rows: Sequence[Sequence[float]]) -> Tensors | None:
        """Rows of nothing but numbers, at once; None if that needs a closer look."""
        if self._lone is None or len(self._lone.shape) != _VECTOR:
            return None
        try:
            return (self._lone.numbers(np.array(rows, dtype=np.float64)),)
        except (ValueError, RowInvalid):
            return None

    def joined(self, rows: Sequence[Packed]) -> Tensors:
        """Raises RowInvalid if the rows have different shapes."""
        if len(rows) == 1:
            return tuple([array[None] for array in rows[0]])
        try:
            return tuple([np.stack(arrays) for arrays in zip(*rows, strict=True)])
        except ValueError as error:
            sentence = "All rows of a request must have tensors of the same shape."
            raise RowInvalid(sentence) from error

    def tensors(self, named: Sequence[Tensor]) -> tuple[Tensors, Mapping[int, WeirError]]:
        """Each input by its name; a lone one may have none. Raises RowInvalid naming the tensor."""
        if self._lone is not None and [each.name for each in named] == [""]:
            return (self._lone.tensor(named[0]),), NO_ERRORS
        self._refuse_names([each.name for each in named])
        given = {each.name: each for each in named}
        return tuple([each.tensor(given[name]) for name, each in self._inputs.items()]), NO_ERRORS

    def _refuse_names(self, names: Sequence[str], row: int | None = None) -> None:
        for name in names:
            if name not in self._inputs:
                known = ", ".join(self._inputs)[:_LONGEST]
                sentence = f"{str(name)[:40]!r} is no input of the model, which takes: {known}."
                raise RowInvalid(sentence, row=row, field=str(name)[:40])
        for name in self._inputs:
            if names.count(name) != 1:
                sentence = f"{name} is {'there twice' if name in names else 'missing'}."
                raise RowInvalid(sentence, row=row, field=name)

    def _fast(self, body: bytes) -> Packed | None:
        """None for what needs a closer look. Each name has two quotes, and each text of BYTES."""
        try:
            values = self._astuple(self._record(body))
            packed = [each.array(value) for each, value in zip(self._all, values, strict=True)]
        except (*_MALFORMED, RowInvalid, OverflowError):
            return None
        texts = sum(array.size for array in packed if array.dtype == object)
        return tuple(packed) if body.count(b'"') == 2 * (len(packed) + texts) else None


class _Input:
    """One tensor that the graph takes; `shape` is that of a row."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.shape = spec.shape[1:]
        self.dtype = DTYPES[spec.datatype]
        self.type = _type(self.dtype, self.shape)

    def value(self, value: object, row: int) -> Array:
        """Of one row; raises RowInvalid."""
        try:
            return self.array(msgspec.convert(value, self.type))
        except RowInvalid as error:
            raise RowInvalid(error.message, row=row, field=self.spec.name) from error
        except (*_MALFORMED, OverflowError) as error:
            sentence = f"{self.spec.name} must be {self._wanted}: {str(error)[:_LONGEST]}"
            raise RowInvalid(sentence, row=row, field=self.spec.name) from error

    def array(self, value: Any) -> Array:
        """Of lists of the right type; raises RowInvalid, ValueError or OverflowError."""
        array: Array
        if self.dtype == object:
            array = _encoded(np.array(value, dtype=object), len(self.shape))
        elif self.dtype.kind == "f":
            array = self._narrowed(np.array(value, dtype=np.float64))
        else:
            array = np.array(value, dtype=self.dtype)
        if self.shape == (1,) and not array.ndim:
            array = array[None]
        self._refuse_shape(array.shape, self.shape)
        return array

    def numbers(self, matrix: Array) -> Array:
        """Of rows of float64; raises RowInvalid for what they cannot say."""
        self._refuse_shape(matrix.shape, self.spec.shape)
        if self.dtype.kind == "f":
            return self._narrowed(matrix)
        if self.dtype.kind not in "iu":
            raise RowInvalid(f"{self.spec.name} must be {self._wanted}.")
        found = matrix.astype(self.dtype) if (np.abs(matrix) < _EXACT).all() else None
        if found is None or not (found == matrix).all():
            raise RowInvalid(f"{self.spec.name} must be {self._wanted}.")
        return found

    def tensor(self, tensor: Tensor) -> Array:
        """Of all rows; raises RowInvalid."""
        array = tensor.array
        if not _castable(array.dtype, self.dtype):
            name = self.spec.name
            sentence = f"{name} must be {self._wanted}, not {tensor.datatype}."
            raise RowInvalid(sentence, field=name)
        if self.shape == (1,) and array.ndim == 1:
            array = array[:, None]
        self._refuse_shape(array.shape, self.spec.shape)
        return array.astype(self.dtype, copy=False)

    def _narrowed(self, numbers: Array) -> Array:
        with np.errstate(over="ignore"):
            found = numbers.astype(self.dtype, copy=False)
        if self.dtype != np.float64 and (np.isinf(found) & ~np.isinf(numbers)).any():
            sentence = f"{self.spec.name} has a number that {self.spec.datatype} cannot hold."
            raise RowInvalid(sentence, field=self.spec.name)
        return found

    def _refuse_shape(self, found: Sequence[int], wanted: Sequence[int]) -> None:
        same = len(found) == len(wanted)
        if not same or any(w not in (ANY, f) for f, w in zip(found, wanted, strict=True)):
            name, shape = self.spec.name, list(found)
            raise RowInvalid(f"{name} has shape {list(wanted)}, not {shape}.", field=name)

    @property
    def _wanted(self) -> str:
        shape = f" of shape {list(self.shape)} in each row" if self.shape else ""
        return f"{self.spec.datatype}{shape}"


def _castable(given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    if object in (given, wanted):
        return given == wanted
    return np.can_cast(given, wanted, "safe")


def _encoded(texts: Array, dimensions: int) -> Array:
    """Lists of different lengths come as an array of lists, which has a dimension too few."""
    if texts.ndim != dimensions and (dimensions, texts.ndim) != (1, 0):
        raise ValueError("lists of different lengths")
    array = np.empty(texts.size, dtype=object)
    array[:] = [text.encode() for text in texts.ravel().tolist()]
    return cast("Array", array.reshape(texts.shape))


def _type(dtype: np.dtype[Any], shape: Sequence[int]) -> Any:
    """What a row of it is made of, for the decoder; of one value it may be the value itself."""
    plain = found = _PLAIN[dtype.kind]
    for _ in shape:
        found = list[found]  # type: ignore[valid-type]  # made of what is known only now
    return plain | found if tuple(shape) == (1,) else found


def _row_type(inputs: Sequence[_Input]) -> type[msgspec.Struct]:
    fields = [
        (f"f{index}", each.type, msgspec.field(name=each.spec.name))
        for index, each in enumerate(inputs)
    ]
    return msgspec.defstruct("Row", cast("Any", fields), forbid_unknown_fields=True, gc=False)
