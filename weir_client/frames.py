"""What a prediction socket says and hears, in both of its subprotocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType
from numpy.typing import NDArray

from weir_client import blocks, errors
from weir_client.blocks import Answered
from weir_client.calls import encode, plain
from weir_client.errors import Unexpected, WeirError
from weir_client.values import Answer, Block, Failure

Data = str | bytes
Item = Mapping[str, object] | Sequence[object] | NDArray[Any]
Format = Literal["msgpack", "json"]
Outcome = Answer | Block


class Hello(Struct, frozen=True, tag_field="type", tag="hello"):
    """The server is there; so many frames may be in flight."""

    credits: int
    schema: str = ""
    session: str = ""


class Result(Struct, frozen=True, tag_field="type", tag="result"):
    """What a frame asked for: one answer, or one for each of its rows."""

    id: int
    result: Answer | UnsetType = UNSET
    results: list[Answer] | UnsetType = UNSET
    block: Answered | UnsetType = UNSET

    @property
    def outcome(self) -> Outcome:
        """Raises Unexpected. We send one row in a frame, by name or by position, or one block."""
        if self.block is not UNSET:
            return blocks.block_of(self.block)
        if self.results is not UNSET and len(self.results) == 1:
            return self.results[0]
        if self.result is UNSET:
            raise Unexpected("A result without an answer.")
        return self.result


class Refused(Struct, frozen=True, tag_field="type", tag="error"):
    """A frame has no result; without an id, the socket itself is refused."""

    code: str
    id: int | str | None = None
    message: str = ""
    row: int | None = None
    field: str | None = None
    request_id: int | None = None
    retry_after_ms: float | None = None

    @property
    def error(self) -> WeirError:
        told = self.retry_after_ms
        return errors.of(
            self.code,
            self.message,
            row=self.row,
            field=self.field,
            request_id=self.request_id,
            retry_after=None if told is None else told / 1000,
        )

    @property
    def failure(self) -> Failure:
        return Failure(self.code, self.message, self.row, self.field, self.request_id)


class Overloaded(Refused, frozen=True, tag_field="type", tag="overloaded"):
    """The same, for lack of room."""


class Draining(Struct, frozen=True, tag_field="type", tag="draining"):
    """Nothing more is taken; what was accepted is still answered."""


class Accepted(Struct, frozen=True, tag_field="type", tag="accepted"):
    """A result will follow."""

    id: int


Message = Hello | Result | Refused | Overloaded | Draining | Accepted


class Codec(Protocol):
    """One subprotocol."""

    name: str

    def frame(self, number: int, item: Item, fields: Mapping[str, object]) -> Data:
        """Raises ValueError or TypeError for what cannot be sent."""
        ...

    def message(self, data: Data) -> Message:
        """Raises Unexpected."""
        ...


class JsonCodec:
    """Text frames."""

    name = "weir.v1.json"

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Message).decode

    def frame(self, number: int, item: Item, fields: Mapping[str, object]) -> Data:
        if isinstance(item, np.ndarray):
            raise TypeError('Blocks are binary: a stream of arrays has format="msgpack".')
        return encode({"id": number, **_row(item), **fields}).decode()

    def message(self, data: Data) -> Message:
        return _read(self._decode, data)


class MsgpackCodec:
    """Binary frames, and the only ones that carry blocks."""

    name = "weir.v1.msgpack"

    def __init__(self) -> None:
        self._encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
        self._decode = msgspec.msgpack.Decoder(Message).decode

    def frame(self, number: int, item: Item, fields: Mapping[str, object]) -> Data:
        if isinstance(item, np.ndarray):
            return self._encode({"id": number, "block": blocks.packed(item), **fields})
        return self._encode({"id": number, **_row(item), **fields})

    def message(self, data: Data) -> Message:
        return _read(self._decode, data)


CODECS: Final[Mapping[Format, type[JsonCodec] | type[MsgpackCodec]]] = {
    "json": JsonCodec,
    "msgpack": MsgpackCodec,
}


def _row(item: Mapping[str, object] | Sequence[object]) -> dict[str, object]:
    if isinstance(item, Mapping):
        return {"record": item}
    if isinstance(item, str | bytes):
        raise TypeError("A row is a record by name or a list of values.")
    return {"rows": [item]}


def _read(decode: Any, data: Data) -> Message:
    try:
        message: Message = decode(data)
    except ValueError as error:
        raise Unexpected(f"A frame of another protocol: {error}") from error
    return message
