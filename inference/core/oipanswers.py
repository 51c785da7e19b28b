"""The answer to an inference request, as JSON and, where it was asked for, bytes behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, Raw, Struct, UnsetType

from inference.core import datatypes, jsontensors
from inference.core.datatypes import BYTES, Tensor
from inference.core.errors import RequestInvalid, WeirError
from inference.core.oip import Request, Want
from inference.core.signature import LABEL, REQUEST_ID
from inference.core.tickets import Table

_encode: Final = msgspec.json.Encoder().encode


class Written(NamedTuple):
    """`head_length` is None where there is nothing behind the header."""

    body: bytes
    head_length: int | None


class _Output(Struct, omit_defaults=True, gc=False):
    name: str
    datatype: str
    shape: Sequence[int]
    parameters: Mapping[str, Any] | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


class _Head(Struct, omit_defaults=True, gc=False):
    model_name: str
    model_version: str
    outputs: list[_Output]
    parameters: Mapping[str, Any]
    id: str | UnsetType = UNSET


class _Spelt(NamedTuple):
    """Classes as elements of a BYTES tensor, and as JSON; the last is that of no class (-1)."""

    elements: Sequence[bytes]
    texts: Sequence[bytes]


def written(model: str, asked: Request, table: Table) -> Written:
    """Raises the first error of a row: an answer is whole."""
    if table.errors:
        raise _first(table.errors)
    classes = tuple(table.served.renderer.classes)
    tensors = _tensors(table, asked.wants)
    outputs, tail = [], []
    for name, binary in asked.wants or [Want(name) for name in tensors]:
        tensor = tensors.get(name)
        if tensor is None:
            raise unknown(name)
        spelt = _spelt(classes) if name == LABEL and classes else None
        output = _Output(name, BYTES if spelt else tensor.datatype, tensor.array.shape)
        outputs.append(output)
        if asked.binary if binary is None else binary:
            tail.append(_bytes(tensor, spelt))
            output.parameters = {"binary_data_size": len(tail[-1])}
        else:
            output.data = Raw(_text(tensor, spelt))
    algorithm = table.served.algorithm
    head = _Head(model, algorithm.version, outputs, {"algorithm": algorithm.id})
    if asked.id is not None:
        head.id = asked.id
    text = _encode(head)
    return Written(b"".join((text, *tail)), len(text)) if tail else Written(text, None)


def unknown(name: str) -> RequestInvalid:
    return RequestInvalid(f"The model has no output {name[:40]!r}.", field=name[:40])


def _tensors(table: Table, wants: Sequence[Want]) -> Mapping[str, Tensor]:
    """By name; the ids only for those who want them, for they are numbers of Python's."""
    tensors = {tensor.name: tensor for tensor in table.tensors}
    if not wants or any(name == REQUEST_ID for name, _ in wants):
        tensors[REQUEST_ID] = datatypes.named(REQUEST_ID, np.array(table.ids, dtype=np.int64))
    return tensors


def _first(errors: Mapping[int, WeirError]) -> WeirError:
    row = min(errors)
    error = errors[row]
    error.row = row
    return error


@lru_cache(maxsize=64)
def _spelt(classes: tuple[str, ...]) -> _Spelt:
    names = (*classes, "")
    elements = [datatypes.encoded(datatypes.texts("", [name]).array) for name in names]
    return _Spelt(elements, [_encode(name) for name in names])


def _bytes(tensor: Tensor, spelt: _Spelt | None) -> bytes:
    if spelt is None:
        return datatypes.encoded(tensor.array)
    return b"".join(map(spelt.elements.__getitem__, tensor.array.tolist()))


def _text(tensor: Tensor, spelt: _Spelt | None) -> bytes:
    if spelt is None:
        return jsontensors.encoded(tensor.array)
    return b"[%s]" % b",".join(map(spelt.texts.__getitem__, tensor.array.tolist()))
