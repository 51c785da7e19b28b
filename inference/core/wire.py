"""Every name and shape that crosses a socket.

Client to server, on /ws/v1/predict/{endpoint}: one frame is one request,

    {"id": 1, "record": {...}}        one row by name
    {"id": 2, "records": [{...}]}     many rows by name
    {"id": 3, "rows": [[...]]}        many rows by position, in the order of the schema
    {"id": 4, "block": {...}}         the same as one array: datatype, shape and data (msgpack only)

with, optionally, "subject", "status", "version", "algorithm", "alias", "deadline_ms" and

    "async": true                     to be told at once that it will be answered

On a socket with a session (?session=..., chosen by the client) an id stands for one request, sent
as often as it may be, on whatever socket, and

    {"id": 5, "resume": [1, 2]}       asks for the answers to requests of this session

Server to client:

    hello       endpoint, credits (frames that may be in flight), schema (its hash), and session
    accepted    id and request_id, for a record, or request_ids: a result will follow
    result      id, and "result" or "results" as REST answers them, or "block": request_ids and
                outputs as arrays, classes, algorithm, version, and errors by row if there are any
    error       id (null if the frame had none), code, message, and where they help row and field
    overloaded  like error, for a frame that was not accepted
    draining    no more frames are taken; what was accepted is still answered

Ids are the client's, results come in any order; what is resumed is answered under its own ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Final, NamedTuple, Protocol, cast

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from inference.core import datatypes, jsonstrict, packstrict, rows
from inference.core.asking import Ask, checked_subject
from inference.core.datatypes import Tensor
from inference.core.errors import FrameInvalid, JsonInvalid, Overloaded, RowInvalid, WeirError
from inference.core.reader import json_array
from inference.core.routing import PRODUCTION, Wanted
from inference.core.rows import Rows
from inference.core.tensors import Array
from inference.core.tickets import Table

JSON: Final = "weir.v1.json"
MSGPACK: Final = "weir.v1.msgpack"
SUBPROTOCOLS: Final = (JSON, MSGPACK)
MAX_ID: Final = 128  # characters; an id that is a number has 64 bits
MOST_RESUMED: Final = 1000  # ids in one frame
ONE_PAYLOAD: Final = "A request has exactly one of record, records, rows and block."
LONGEST: Final = 200  # characters of what a decoder complains of: it may quote what was sent

Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Id = Annotated[str, Meta(max_length=MAX_ID)] | Whole
FrameId = str | int | None
Text = str | bytes


class Frame(Struct, gc=False, forbid_unknown_fields=True):
    """A request as it comes; the rows stay raw until the schema is known.

    A name that is not here is refused: a misspelt `algorithm` would be answered by another one.
    """

    id: Id
    record: Raw | UnsetType = UNSET
    records: Raw | UnsetType = UNSET
    rows: Raw | UnsetType = UNSET
    block: Raw | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    algorithm: Whole | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    deadline_ms: float | UnsetType = UNSET
    later: bool | UnsetType = msgspec.field(default=UNSET, name="async")
    resume: list[Id] | UnsetType = UNSET


class Block(Struct, gc=False, forbid_unknown_fields=True):
    """Rows by position as one array: little-endian, row-major, without padding."""

    datatype: str
    shape: list[int]
    data: memoryview


_PAYLOADS: Final = ("record", "records", "rows", "block")
_OF_ERRORS: Final = ("code", "message", "field", "request_id")
_FIRST_WISH: Final = 1 + len(_PAYLOADS)
_WISHES: Final = len(Frame.__struct_fields__) - _FIRST_WISH


class _Id(Struct, gc=False):
    id: Id | None = None


_json_numbers = msgspec.json.Decoder(list[list[float]]).decode
_msgpack_numbers = msgspec.msgpack.Decoder(list[list[float]]).decode
_block = msgspec.msgpack.Decoder(Block).decode


class Request(NamedTuple):
    """A frame that was understood."""

    id: str | int
    ask: Ask
    rows: Rows
    batch: bool
    resume: Sequence[str | int] = ()

    @property
    def lasting(self) -> bool:
        """Whether it is about answers that outlive their socket."""
        return self.ask.wait is not None or self.resume != ()

    def in_words(self) -> Request:
        """What is kept until it is asked for is kept as text, row by row."""
        return self._replace(ask=replace(self.ask, table=False)) if self.ask.table else self


class Codec(Protocol):
    """One subprotocol: frames in, frames out."""

    name: str

    def request(self, endpoint: str, data: Text) -> Request:
        """Raises FrameInvalid, JsonInvalid or RowInvalid."""
        ...

    def id_of(self, data: Text) -> FrameId:
        """The id in a frame that is no request, if it can be told."""
        ...

    def result(self, frame_id: FrameId, texts: Sequence[str], *, batch: bool) -> Text:
        """`texts` as `Pending.texts` has them."""
        ...

    def message(self, body: dict[str, object]) -> Text: ...


class JsonCodec:
    """Text frames."""

    name = JSON

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Frame).decode
        self._id = msgspec.json.Decoder(_Id).decode

    def request(self, endpoint: str, data: Text) -> Request:
        if not isinstance(data, str):
            raise FrameInvalid(f"{JSON} has text frames.")
        body = data.encode("utf-8", "surrogatepass")
        frame = self._frame(body)
        if frame.resume is not UNSET:
            jsonstrict.loads(body)
            return _resume(endpoint, frame, frame.resume)
        name, raw = _payload(frame)
        if name == "block":
            raise FrameInvalid(f"A block needs {MSGPACK}.")
        rest = body.count(b'"') - raw.count(b'"')
        if b"\\" in body or rest != _quotes(frame):
            jsonstrict.loads(body)
        return Request(frame.id, _ask(endpoint, frame), *_json_rows(name, raw))

    def _frame(self, body: bytes) -> Frame:
        try:
            frame = self._decode(body)
        except msgspec.ValidationError as error:
            jsonstrict.loads(body)
            raise _no_request(error) from error
        except (ValueError, RecursionError) as error:
            jsonstrict.loads(body)
            raise JsonInvalid(f"JSON parse error - {str(error)[:LONGEST]}") from error
        return frame

    def id_of(self, data: Text) -> FrameId:
        try:
            return self._id(data).id
        except (ValueError, RecursionError):
            return None

    def result(self, frame_id: FrameId, texts: Sequence[str], *, batch: bool) -> Text:
        shown = frame_id if isinstance(frame_id, int) else json.dumps(frame_id)
        if batch:
            return f'{{"type":"result","id":{shown},"results":[{",".join(texts)}]}}'
        return f'{{"type":"result","id":{shown},"result":{texts[0]}}}'

    def message(self, body: dict[str, object]) -> Text:
        return json.dumps(body)


class MsgpackCodec:
    """Binary frames of the same shapes."""

    name = MSGPACK

    def __init__(self) -> None:
        self._decode = msgspec.msgpack.Decoder(Frame).decode
        self._id = msgspec.msgpack.Decoder(_Id).decode

    def request(self, endpoint: str, data: Text) -> Request:
        if not isinstance(data, bytes):
            raise FrameInvalid(f"{MSGPACK} has binary frames.")
        try:
            frame = self._decode(data)
            if packstrict.entries(data) != _given(frame):
                raise FrameInvalid("The frame has a name twice.")
            if frame.resume is not UNSET:
                return _resume(endpoint, frame, frame.resume)
            if frame.block is not UNSET:
                return _packed(endpoint, frame)
            return Request(frame.id, _ask(endpoint, frame), *_msgpack_rows(*_payload(frame)))
        except (ValueError, RecursionError) as error:
            raise _no_request(error) from error

    def id_of(self, data: Text) -> FrameId:
        try:
            return self._id(data).id if isinstance(data, bytes) else None
        except (ValueError, RecursionError):
            return None

    def result(self, frame_id: FrameId, texts: Sequence[str], *, batch: bool) -> Text:
        decoded = [msgspec.json.decode(text) for text in texts]
        key, value = ("results", decoded) if batch else ("result", decoded[0])
        return msgspec.msgpack.encode({"type": "result", "id": frame_id, key: value})

    def message(self, body: dict[str, object]) -> Text:
        return msgspec.msgpack.encode(body)


CODECS: Final[dict[str, type[JsonCodec] | type[MsgpackCodec]]] = {
    JSON: JsonCodec,
    MSGPACK: MsgpackCodec,
}


def hello(endpoint: str, window: int, schema: str, session: str = "") -> dict[str, object]:
    body = {"type": "hello", "endpoint": endpoint, "credits": window, "schema": schema}
    return body | {"session": session} if session else body


def accepted(frame_id: FrameId, ids: Sequence[int], *, batch: bool) -> dict[str, object]:
    given: dict[str, object] = {"request_ids": ids} if batch else {"request_id": ids[0]}
    return {"type": "accepted", "id": frame_id, **given}


def block(frame_id: FrameId, table: Table) -> dict[str, object]:
    """A result as arrays."""
    body: dict[str, object] = {
        "request_ids": _array(np.array(table.ids, np.int64)),
        "outputs": [{"name": each.name, **_array(each.array)} for each in table.tensors],
        "classes": table.served.renderer.classes,
        "algorithm": table.served.algorithm.id,
        "version": table.served.algorithm.version,
    }
    if table.errors:
        body["errors"] = {str(row): error.as_dict() for row, error in table.errors.items()}
    return {"type": "result", "id": frame_id, "block": body}


def _array(array: Array) -> dict[str, object]:
    datatype = datatypes.named("", array).datatype
    return {"datatype": datatype, "shape": array.shape, "data": datatypes.encoded(array)}


def failed(frame_id: FrameId, text: str) -> dict[str, object] | None:
    """For the answer to a single record as `Pending.texts` has it: an error if it says one."""
    said = msgspec.json.decode(text)
    if said.get("status") != "Error":
        return None
    known = {name: said[name] for name in _OF_ERRORS if name in said}
    return {"type": "error", "id": frame_id, **known}


def error(
    frame_id: FrameId, problem: WeirError, request_id: int | None = None
) -> dict[str, object]:
    """A frame that was not accepted for lack of room is `overloaded`: it may be sent again."""
    kind = "overloaded" if isinstance(problem, Overloaded) else "error"
    body = {"type": kind, "id": frame_id, **problem.as_dict()}
    return body if request_id is None else body | {"request_id": request_id}


def draining() -> dict[str, object]:
    return {"type": "draining"}


@lru_cache(maxsize=256)
def _usual(endpoint: str) -> Ask:
    """What nearly every frame asks; sockets are on few endpoints.

    Lenient as REST is: a row that does not fit is logged and counts as an error of its arm, so that
    an error rate does not depend on the door.
    """
    return Ask(endpoint, lenient=True)


def _ask(endpoint: str, frame: Frame) -> Ask:
    usual = _usual(endpoint)
    if msgspec.structs.astuple(frame)[_FIRST_WISH:].count(UNSET) == _WISHES:
        return usual
    wanted = Wanted(
        status=frame.status or PRODUCTION,
        version=frame.version or None,
        algorithm=None if frame.algorithm is UNSET else frame.algorithm,
        alias=frame.alias or None,
    )
    subject = checked_subject(frame.subject) if frame.subject else ""
    wait = 0.0 if frame.later is True else None
    return replace(usual, wanted=wanted, subject=subject, deadline=_seconds(frame), wait=wait)


def _seconds(frame: Frame) -> float | None:
    if frame.deadline_ms is UNSET:
        return None
    if not 0 < frame.deadline_ms <= 60_000:
        raise FrameInvalid("deadline_ms is more than 0 and at most 60000.", field="deadline_ms")
    return frame.deadline_ms / 1000


def _packed(endpoint: str, frame: Frame) -> Request:
    raw = memoryview(cast("Raw", frame.block))
    if (frame.record, frame.records, frame.rows).count(UNSET) != len(_PAYLOADS) - 1:
        raise FrameInvalid(ONE_PAYLOAD)
    if packstrict.entries(raw) != len(Block.__struct_fields__):
        raise FrameInvalid("A block has datatype, shape and data.")
    found = _block(raw)
    tensor = _only(found)
    return Request(frame.id, _table(_ask(endpoint, frame)), rows.TensorRows((tensor,)), True)


def _only(found: Block) -> Tensor:
    """It has no name, by which a model of many tensors knows that it stands for the only one."""
    try:
        return datatypes.decoded("", found.datatype, found.shape, found.data)
    except RowInvalid as error:
        error.field = "block"
        raise


@lru_cache(maxsize=256)
def _table(ask: Ask) -> Ask:
    return replace(ask, table=ask.wait is None)


def _resume(endpoint: str, frame: Frame, ids: Sequence[str | int]) -> Request:
    if _given(frame) != len(("id", "resume")) or not 0 < len(ids) <= MOST_RESUMED:
        raise FrameInvalid(f"To resume takes an id and 1 to {MOST_RESUMED} ids to resume.")
    return Request(frame.id, _usual(endpoint), rows.JsonRows(()), True, tuple(ids))


def _payload(frame: Frame) -> tuple[str, bytes]:
    """The one of record, records and rows that is there."""
    given = (frame.record, frame.records, frame.rows, frame.block)
    if given.count(UNSET) != len(_PAYLOADS) - 1:
        raise FrameInvalid(ONE_PAYLOAD)
    [(name, raw)] = [pair for pair in zip(_PAYLOADS, given, strict=True) if pair[1] is not UNSET]
    return name, bytes(cast("Raw", raw))


def _json_rows(name: str, body: bytes) -> tuple[Rows, bool]:
    if name == "record":
        return rows.JsonRows((body,)), False
    if not body.startswith(b"["):
        raise FrameInvalid(f"{name} is a list of rows.")
    numbers = _numbers(_json_numbers, body) if name == "rows" else None
    return numbers or rows.JsonRows(json_array(body)), True


def _msgpack_rows(name: str, body: bytes) -> tuple[Rows, bool]:
    if name == "record":
        return rows.ValueRows((packstrict.row(body),)), False
    numbers = _numbers(_msgpack_numbers, body) if name == "rows" else None
    return numbers or rows.ValueRows(packstrict.rows(body)), True


def _numbers(decode: Callable[[bytes], list[list[float]]], raw: bytes) -> Rows | None:
    """Rows of nothing but numbers in one step; None if any value needs a closer look."""
    try:
        return rows.NumberRows(decode(raw))
    except ValueError:
        return None


def _given(frame: Frame) -> int:
    """How many names of the frame have a value."""
    values = msgspec.structs.astuple(frame)
    return len(values) - values.count(UNSET)


def _no_request(error: Exception) -> FrameInvalid:
    return FrameInvalid(f"The frame is not a request: {str(error)[:LONGEST]}")


def _quotes(frame: Frame) -> int:
    """How many the envelope of this frame has, if it names nothing twice (see `reader`)."""
    values = msgspec.structs.astuple(frame)
    return 2 * (len(values) - values.count(UNSET) + [*map(type, values)].count(str))
