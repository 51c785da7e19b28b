"""The other end of the Open Inference Protocol: what is asked of a server, what it answers.

One matrix of rows goes out, and the one output that is a prediction comes back, as bytes if both
sides know the binary tensor data extension, else as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Raw, Struct, UnsetType

from inference.core import datatypes, jsontensors
from inference.core.datatypes import Tensor
from inference.core.errors import BundleInvalid, ModelOutputInvalid, RowInvalid
from inference.core.oip import Sent
from inference.core.oipanswers import Written
from inference.core.signature import Signature, Spec
from inference.core.tensors import Matrix, unrounded

BINARY: Final = "binary_tensor_data"  # how a server calls the extension among its own
# What an output is: [n, classes], [n] of the last of two classes, or [n] of a regression.
Gives = Literal["probabilities", "positive", "values"]
_FLOATS: Final = ("FP64", "FP32", "FP16")
_SAID: Final = 200
_NOTHING: Final = (b"", b"null")
Said = TypeVar("Said")


class _Asked(Struct, omit_defaults=True, gc=False):
    name: str
    shape: Sequence[int] | UnsetType = UNSET
    datatype: str | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


class _Question(Struct, omit_defaults=True, gc=False):
    inputs: list[_Asked]
    outputs: list[_Asked] | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET


class _Answer(Struct, gc=False):
    outputs: list[Sent]


class _Tensor(Struct, gc=False):
    name: str
    datatype: str
    shape: list[int]


class _Model(Struct, gc=False):
    inputs: list[_Tensor] | None = None
    outputs: list[_Tensor] | None = None


class _Server(Struct, gc=False):
    extensions: list[str] | None = None


class _Refusal(Struct, gc=False):
    error: Any = ""


class Refused(NamedTuple):
    """Why a server did not answer, in its words as far as it had any."""

    status: int
    said: str


def asked(tensor: Tensor, wanted: str | None = None, *, binary: bool) -> Written:
    """An inference request for one output, or for whatever there is."""
    return asked_for([tensor], [] if wanted is None else [wanted], binary=binary)


def asked_for(tensors: Sequence[Tensor], wanted: Sequence[str], *, binary: bool) -> Written:
    """The same of several tensors, for several outputs."""
    question = _Question([_Asked(each.name, each.array.shape, each.datatype) for each in tensors])
    if wanted:
        question.outputs = [_Asked(name) for name in wanted]
    pairs = list(zip(question.inputs, tensors, strict=True))
    if not binary:
        for one, tensor in pairs:
            one.data = Raw(jsontensors.encoded(tensor.array))
        return Written(msgspec.json.encode(question), None)
    tail = [datatypes.encoded(tensor.array) for tensor in tensors]
    for (one, _), data in zip(pairs, tail, strict=True):
        one.parameters = {"binary_data_size": len(data)}
    question.parameters = {"binary_data_output": True}
    head = msgspec.json.encode(question)
    return Written(b"".join((head, *tail)), len(head))


def answered(body: bytes, head_length: int | None) -> list[Tensor]:
    """The outputs of an answer; raises ModelOutputInvalid."""
    length = len(body) if head_length is None else head_length
    answer = _read(body[:length], _Answer)
    try:
        return _tensors(answer.outputs, memoryview(body)[length:])
    except RowInvalid as error:
        raise ModelOutputInvalid(f"The remote's answer: {error.message}") from error


def head_length(text: str | None) -> int | None:
    """Of the header of that name in an answer; raises ModelOutputInvalid."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ModelOutputInvalid("The remote's answer has a header of no length.")
    return int(text)


def inputs(body: bytes) -> list[Spec]:
    """What a model says that it reads; many say nothing. Raises ModelOutputInvalid."""
    return list(signature(body).inputs)


def signature(body: bytes) -> Signature:
    """What a model says that it reads and puts out; raises ModelOutputInvalid."""
    said = _read(body, _Model)
    sides = [
        tuple(Spec(each.name, each.datatype, tuple(each.shape)) for each in side or ())
        for side in (said.inputs, said.outputs)
    ]
    return Signature(*sides)


def knows_binary(body: bytes) -> bool:
    """Whether a server says of itself that it knows the extension; raises ModelOutputInvalid."""
    return BINARY in (_read(body, _Server).extensions or [])


def refusal(status: int, body: bytes) -> Refused:
    """What a server says where it answers with an error; whatever that looks like."""
    try:
        said = msgspec.json.decode(body, type=_Refusal).error
    except (ValueError, RecursionError):
        said = ""
    return Refused(status, " ".join(str(said).split())[:_SAID])


def gives(tensor: Tensor, rows: int, classes: int) -> Gives | None:
    """What an output of this shape says about so many rows; no classes: a regression."""
    shape = tensor.array.shape
    if tensor.datatype not in datatypes.DTYPES or tensor.array.dtype.kind not in "fiu":
        return None
    if classes and shape == (rows, classes):
        return "probabilities"
    if shape not in {(rows,), (rows, 1)} or classes > 2:
        return None
    return "positive" if classes else "values"


def chosen(tensors: Sequence[Tensor], rows: int, classes: int) -> tuple[str, Gives]:
    """The one output of floats that fits; raises BundleInvalid.

    Where one has a column for each class, a single column beside it holds labels.
    """
    floats = [each for each in tensors if each.datatype in _FLOATS]
    found = [(each.name, gives(each, rows, classes)) for each in floats]
    whole = [each for each in found if each[1] == "probabilities"]
    fitting = [(name, given) for name, given in whole or found if given is not None]
    if len(fitting) == 1:
        return fitting[0]
    offered = ", ".join(described(each) for each in tensors[:10]) or "nothing"
    which = "more than one output" if fitting else "no output"
    raise BundleInvalid(
        f"The remote has {which} of floats that fits {_wanted(rows, classes)}; name one by "
        f"--remote-output. It put out {offered} for {rows} rows."
    )


def described(tensor: Tensor) -> str:
    """An output in a sentence."""
    return f"{tensor.name[:40]} {tensor.datatype} {datatypes.shown(tensor.array.shape)}"


def columns(tensor: Tensor, given: Gives, rows: int, classes: int) -> Matrix:
    """As every runtime answers: a column for each class, or one; raises ModelOutputInvalid."""
    if gives(tensor, rows, classes) != given:
        raise ModelOutputInvalid(f"The remote put out {described(tensor)} for {rows} rows.")
    values = tensor.array.astype(np.float64).reshape(rows, -1)
    if given == "values":
        return values
    values = unrounded(values)
    return np.hstack([1.0 - values, values]) if given == "positive" else values


def _read(body: bytes, kind: type[Said]) -> Said:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        said = str(error)[:_SAID]
        raise ModelOutputInvalid(f"The remote does not answer in the protocol: {said}") from error


def _tensors(outputs: Sequence[Sent], rest: memoryview) -> list[Tensor]:
    tensors, at = [], 0
    for each in outputs:
        size = (each.parameters or {}).get("binary_data_size")
        if size is None:
            tensors.append(_in_head(each))
            continue
        if type(size) is not int or not 0 <= size <= len(rest) - at:
            raise RowInvalid("it ends before its last tensor.")
        data = rest[at : at + size]
        tensors.append(datatypes.decoded(each.name, each.datatype, each.shape, data))
        at += size
    return tensors


def _in_head(found: Sent) -> Tensor:
    data = bytes(found.data)
    if data in _NOTHING:
        raise RowInvalid(f"{found.name[:40]} has no data.")
    return jsontensors.decoded(found.name, found.datatype, found.shape, data)


def _wanted(rows: int, classes: int) -> str:
    if not classes:
        return f"[{rows}]"
    return f"[{rows}, {classes}] or [{rows}]" if classes == 2 else f"[{rows}, {classes}]"
