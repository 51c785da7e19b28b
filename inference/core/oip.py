"""An inference request of the Open Inference Protocol (V2): a JSON header, tensors behind it.

Tensors are in the header as `data`, or behind it as bytes whose number the header says, in the
order of the inputs (the binary tensor data extension). With a header of no length the whole body is
the data of the one tensor that the model takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

from inference.core import datatypes, jsontensors, precedence
from inference.core.asking import too_many
from inference.core.datatypes import BYTES, DTYPES, Tensor
from inference.core.errors import JsonInvalid, RequestInvalid, Unsupported
from inference.core.precedence import Level
from inference.core.signature import ANY, Spec

Parameters = Mapping[str, Any]
_NOTHING: Final = (b"", b"null")
_NONE: Final[Parameters] = {}
MICROSECONDS: Final = 1e6
LONGEST: Final = 1 << 53  # microseconds; JSON has integers that no float is as large as
MOST_INPUTS: Final = 4096  # far more than a model has; each takes a few microseconds
_BINARY_SIZE: Final = "binary_data_size"
# What would change the answer if it were done, and is not done here.
_UNSUPPORTED: Final = (
    "sequence_id",
    "classification",
    "shared_memory_region",
    "shared_memory_byte_size",
)


class Want(NamedTuple):
    """An output that is asked for; `binary` is None where the request decides."""

    name: str
    binary: bool | None = None


class Request(NamedTuple):
    """What a client asks. No `wants`: everything; `timeout` in seconds, None if he says none.

    `level` is his place among those who wait.
    """

    inputs: Sequence[Tensor]
    wants: Sequence[Want] = ()
    id: str | None = None
    binary: bool = False
    timeout: float | None = None
    level: Level = Level.USUAL


class Sent(Struct, gc=False):
    """A tensor in a header: with its data, or with the number of its bytes among the parameters."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: Raw = Raw()


class _Output(Struct, gc=False):
    name: str
    parameters: dict[str, Any] | None = None


class _Head(Struct, gc=False):
    inputs: list[Sent]
    outputs: list[_Output] | None = None
    id: str | None = None
    parameters: dict[str, Any] | None = None


_decode: Final = msgspec.json.Decoder(_Head).decode


def read(body: bytes, head_length: int | None, most_rows: float = inf) -> Request:
    """`head_length` is what the client says; None if he does not, for JSON alone.

    Raises JsonInvalid, RequestInvalid, Unsupported, TooLarge for more rows than `most_rows`, before
    any of them is read, and RowInvalid for a tensor that is none.
    """
    length = len(body) if head_length is None else head_length
    if length > len(body):
        raise RequestInvalid(f"The header has {length} bytes, and the body only {len(body)}.")
    view = memoryview(body)
    head = _head(view[:length])
    parameters = head.parameters or _NONE
    _refuse_unsupported("The request", parameters)
    _refuse_many(head.inputs, most_rows)
    return Request(
        _inputs(head.inputs, view[length:]),
        _wants(head.outputs or ()),
        head.id,
        _flag(parameters, "binary_data_output") or False,
        _timeout(parameters),
        _level(parameters),
    )


def raw(body: bytes, specs: Sequence[Spec]) -> Request:
    """A body that is nothing but the model's one tensor; the answer is binary as well."""
    if len(specs) != 1 or specs[0].shape.count(ANY) > 1:
        raise RequestInvalid("Only a model that takes one tensor can be asked without a header.")
    name, datatype, shape = specs[0]
    return Request((_raw_tensor(name, datatype, shape, body),), binary=True)


def head_length(text: str) -> int | None:
    """Of an `Inference-Header-Content-Length`; raises RequestInvalid."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise RequestInvalid(f"{text[:20]!r} is not the length of a header.")
    return int(text)


def _raw_tensor(name: str, datatype: str, shape: Sequence[int], body: bytes) -> Tensor:
    if datatype == BYTES:
        array = datatypes.texts(name, [""]).array
        array[0] = body
        return Tensor(name, datatype, array)
    known = datatypes.count([size for size in shape if size != ANY])
    rest = len(body) // (known * DTYPES[datatype].itemsize or 1)
    return datatypes.decoded(name, datatype, [rest if s == ANY else s for s in shape], body)


def _head(data: memoryview) -> _Head:
    try:
        return _decode(data)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"This is no inference request: {error}") from error
    except (ValueError, RecursionError) as error:
        hint = "; JSON has no NaN: null is a missing value" if b"NaN" in bytes(data) else ""
        raise JsonInvalid(f"JSON parse error - {error}{hint}") from error


def _inputs(found: Sequence[Sent], rest: memoryview) -> Sequence[Tensor]:
    if not found:
        raise RequestInvalid("A request has at least one input.")
    _refuse_twice("input", [each.name for each in found])
    tensors, at = [], 0
    for each in found:
        size = _binary_size(each)
        if size is None:
            tensors.append(_in_head(each))
            continue
        if size > len(rest) - at:
            raise RequestInvalid("The body ends before its last tensor.", field=each.name)
        data = rest[at : at + size]
        tensors.append(datatypes.decoded(each.name, each.datatype, each.shape, data))
        at += size
    if at != len(rest):
        raise RequestInvalid(f"Behind the last tensor are {len(rest) - at} bytes of nobody.")
    return tensors


def _in_head(found: Sent) -> Tensor:
    data = bytes(found.data)
    if data in _NOTHING:
        raise RequestInvalid("An input has data, or a binary_data_size.", field=found.name)
    return jsontensors.decoded(found.name, found.datatype, found.shape, data)


def _binary_size(found: Sent) -> int | None:
    parameters = found.parameters or _NONE
    _refuse_unsupported(f"Input {found.name[:40]!r}", parameters)
    if parameters.get("content_type") == "base64":
        raise Unsupported("Input as base64 is not read here.", field=found.name)
    size = parameters.get(_BINARY_SIZE)
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestInvalid(f"{_BINARY_SIZE} is a number of bytes.", field=found.name)
    if bytes(found.data) not in _NOTHING:
        raise RequestInvalid("An input has data in one place only.", field=found.name)
    return size


def _wants(found: Sequence[_Output]) -> Sequence[Want]:
    _refuse_twice("output", [each.name for each in found])
    for each in found:
        _refuse_unsupported(f"Output {each.name[:40]!r}", each.parameters or _NONE)
    return [Want(each.name, _flag(each.parameters or _NONE, "binary_data")) for each in found]


def _flag(parameters: Parameters, name: str) -> bool | None:
    value = parameters.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise RequestInvalid(f"{name} is true or false.")


def _timeout(parameters: Parameters) -> float | None:
    """In seconds; 0 means none, as with others who know this parameter."""
    value = parameters.get("timeout")
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise RequestInvalid("timeout is a number of microseconds.")
    return min(value, LONGEST) / MICROSECONDS or None


def _level(parameters: Parameters) -> Level:
    value = parameters.get("priority")
    if value is None:
        return Level.USUAL
    if type(value) is not int or value < 0:
        raise RequestInvalid("priority is a whole number: 1 is the highest, 0 the usual one.")
    return precedence.of_priority(value)


def _refuse_unsupported(who: str, parameters: Parameters) -> None:
    for name in _UNSUPPORTED:
        if parameters and parameters.get(name):
            raise Unsupported(f"{who} has the parameter {name}, which is not supported here.")


def _refuse_many(found: Sequence[Sent], most_rows: float) -> None:
    """By what is said of them: whoever sends too much is not worth the time that reading takes."""
    if len(found) > MOST_INPUTS:
        raise RequestInvalid(f"A request has at most {MOST_INPUTS} inputs, not {len(found)}.")
    for each in found:
        if each.shape and each.shape[0] > most_rows:
            datatypes.described(
                each.name, each.datatype, each.shape
            )  # what is no tensor is told so
            raise too_many(most_rows, each.shape[0])


def _refuse_twice(what: str, names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise RequestInvalid(f"Two {what}s have the same name.")
