"""Frames say the same in JSON and in MessagePack, and what is no request is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from inference.core import wire
from inference.core.errors import FrameInvalid, JsonInvalid, Overloaded, RowInvalid, WeirError
from inference.core.wire import Codec, JsonCodec, MsgpackCodec


class Dialect(NamedTuple):
    """A codec and how a client of it writes and reads."""

    codec: Codec
    encode: Callable[[Any], str | bytes]
    decode: Callable[[Any], Any]


BOTH = pytest.mark.parametrize(
    "dialect",
    [
        Dialect(JsonCodec(), json.dumps, json.loads),
        Dialect(MsgpackCodec(), msgspec.msgpack.encode, msgspec.msgpack.decode),
    ],
    ids=["json", "msgpack"],
)


@BOTH
def test_a_frame_says_who_shall_answer_what(dialect: Dialect) -> None:
    frame: dict[str, Any] = {"id": "b", "records": [{"age": 50}, {"age": None}], "subject": "ann"}
    frame |= {"status": "testing", "version": "1.0", "algorithm": 7, "deadline_ms": 250}

    request = dialect.codec.request("income", dialect.encode(frame))

    assert (request.id, len(request.rows), request.batch) == ("b", 2, True)
    assert (request.ask.endpoint, request.ask.subject) == ("income", "ann")
    wanted = request.ask.wanted
    assert (wanted.status, wanted.version, wanted.algorithm) == ("testing", "1.0", 7)
    assert request.ask.deadline == 0.25


@BOTH
@pytest.mark.parametrize(
    ("payload", "count", "batch"),
    [
        ({"record": {"age": 50}}, 1, False),
        ({"records": [{"age": 50}]}, 1, True),
        ({"rows": [[50, 1.5], [38, 2]]}, 2, True),
        ({"rows": [[50, "x"], [38, None]]}, 2, True),
    ],
)
def test_rows_that_do_not_fit_are_logged_as_on_rest(
    dialect: Dialect,
    payload: dict[str, Any],
    count: int,
    batch: bool,
) -> None:
    request = dialect.codec.request("income", dialect.encode({"id": 1} | payload))

    assert (len(request.rows), request.batch, request.ask.lenient) == (count, batch, True)


@BOTH
@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ({"record": {}}, "not a request"),
        ({"id": 1}, "exactly one"),
        ({"id": 1, "record": {}, "rows": [[1]]}, "exactly one"),
        ({"id": 1, "record": {}, "algoritm": 2}, "not a request"),
        ({"id": 1, "record": {}, "subject": 5}, "not a request"),
        ({"id": "x" * 129, "record": {}}, "not a request"),
        ({"id": 1, "record": {}, "deadline_ms": 0}, "more than 0"),
        ({"id": 1, "record": {}, "deadline_ms": 60_001}, "at most 60000"),
        ([], "not a request"),
    ],
)
def test_what_is_no_request_is_refused(dialect: Dialect, frame: Any, sentence: str) -> None:
    with pytest.raises(FrameInvalid, match=sentence):
        dialect.codec.request("income", dialect.encode(frame))


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(JsonInvalid, match="duplicate name"):
        JsonCodec().request("income", '{"id":1,"id":2,"record":{}}')
    with pytest.raises(FrameInvalid, match="twice"):
        MsgpackCodec().request("income", b"\x83\xa2id\x01\xa2id\x02\xa6record\x80")


def test_each_subprotocol_has_its_kind_of_frame() -> None:
    with pytest.raises(FrameInvalid, match="text frames"):
        JsonCodec().request("income", b"{}")
    with pytest.raises(FrameInvalid, match="binary frames"):
        MsgpackCodec().request("income", "{}")


@BOTH
def test_the_id_of_a_refused_frame_is_told_if_it_has_one(dialect: Dialect) -> None:
    assert dialect.codec.id_of(dialect.encode({"id": 7, "nonsense": True})) == 7
    assert dialect.codec.id_of(dialect.encode({"nonsense": True})) is None
    assert dialect.codec.id_of(dialect.encode({"id": [1]})) is None


@BOTH
@pytest.mark.parametrize("frame_id", [1, 'quo"te'])
def test_answers_travel_as_rest_has_them(dialect: Dialect, frame_id: str | int) -> None:
    texts = ['{"label":"a"}', '{"label":"b"}']

    alone = dialect.decode(dialect.codec.result(frame_id, texts[:1], batch=False))
    together = dialect.decode(dialect.codec.result(frame_id, texts, batch=True))

    assert alone == {"type": "result", "id": frame_id, "result": {"label": "a"}}
    assert together["results"] == [{"label": "a"}, {"label": "b"}]


@pytest.mark.parametrize(
    ("problem", "kind"), [(RowInvalid("no", field="age"), "error"), (Overloaded(), "overloaded")]
)
def test_what_may_be_sent_again_has_a_type_of_its_own(problem: WeirError, kind: str) -> None:
    frame = wire.error(3, problem, request_id=9)

    assert (frame["type"], frame["id"], frame["code"]) == (kind, 3, problem.code)
    assert frame["request_id"] == 9
    assert "request_id" not in wire.error(None, problem)


@BOTH
@pytest.mark.parametrize(("later", "wait"), [(True, 0.0), (False, None)])
def test_a_frame_may_be_answered_later(dialect: Dialect, later: bool, wait: float | None) -> None:
    frame = {"id": 1, "record": {"age": 50}, "async": later, "subject": "ann"}

    request = dialect.codec.request("income", dialect.encode(frame))

    assert (request.ask.wait, request.lasting) == (wait, later)
    assert (request.ask.subject, request.ask.lenient) == ("ann", True)


@BOTH
def test_a_frame_may_ask_for_what_was_asked_before(dialect: Dialect) -> None:
    ids = [1, "1", "b"]

    request = dialect.codec.request("income", dialect.encode({"id": 9, "resume": ids}))

    assert (request.id, request.resume, request.lasting) == (9, (1, "1", "b"), True)
    assert not dialect.codec.request("e", dialect.encode({"id": 1, "record": {}})).lasting


@BOTH
@pytest.mark.parametrize(
    "frame",
    [
        {"id": 1, "resume": []},
        {"id": 1, "resume": list(range(1001))},
        {"id": 1, "resume": [1.5]},
        {"id": 1, "resume": [None]},
        {"id": 1, "resume": 1},
        {"id": 1, "resume": [2], "record": {}},
        {"id": 1, "resume": [2], "async": True},
        {"id": 1, "record": {}, "async": 1},
        {"id": 1, "record": {}, "later": True},
    ],
)
def test_what_is_neither_later_nor_before_is_refused(dialect: Dialect, frame: Any) -> None:
    with pytest.raises(FrameInvalid):
        dialect.codec.request("income", dialect.encode(frame))


def test_what_is_resumed_is_read_as_strictly() -> None:
    with pytest.raises(JsonInvalid, match="duplicate name"):
        JsonCodec().request("income", '{"id":1,"resume":["a"],"resume":["b"]}')


def test_an_answer_that_says_an_error_is_one() -> None:
    text = '{"status":"Error","message":"no","code":"row_invalid","field":"a","request_id":7}'

    assert wire.failed(3, text) == {
        "type": "error",
        "id": 3,
        "code": "row_invalid",
        "message": "no",
        "field": "a",
        "request_id": 7,
    }
    assert wire.failed(3, '{"status":"OK","label":"Error"}') is None


def test_what_is_accepted_names_its_ids() -> None:
    assert wire.accepted(3, [7], batch=False) == {"type": "accepted", "id": 3, "request_id": 7}
    assert wire.accepted("b", [7], batch=True)["request_ids"] == [7]


def test_the_greeting_names_what_may_be_in_flight() -> None:
    assert wire.hello("income", 64, "5a1c") == {
        "type": "hello",
        "endpoint": "income",
        "credits": 64,
        "schema": "5a1c",
    }
    assert wire.hello("income", 64, "5a1c", "mine")["session"] == "mine"
    assert wire.draining() == {"type": "draining"}


def packed(**changes: Any) -> bytes:
    data = np.array([[1.5, 2], [3, np.nan]], "<f4").tobytes()
    block = {"datatype": "FP32", "shape": [2, 2], "data": data} | changes
    return msgspec.msgpack.encode({"id": 1, "block": block})


def test_a_block_is_rows_by_position_in_one_array() -> None:
    request = MsgpackCodec().request("income", packed())

    assert (len(request.rows), request.batch, request.ask.table, request.ask.lenient) == (
        2,
        True,
        True,
        True,
    )
    assert [request.rows.raw(0), request.rows.raw(1)] == ["[1.5,2.0]", "[3.0,null]"]


def test_what_is_kept_of_a_block_is_kept_as_text() -> None:
    block = {"datatype": "FP32", "shape": [1, 1], "data": bytes(4)}
    later = MsgpackCodec().request(
        "income", msgspec.msgpack.encode({"id": 1, "block": block, "async": True})
    )

    assert (later.lasting, later.ask.table) == (True, False)
    assert not MsgpackCodec().request("income", packed()).in_words().ask.table


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"datatype": "FP33"}, RowInvalid),
        ({"shape": [2, 3]}, RowInvalid),
        ({"shape": [-2, -2]}, RowInvalid),
        ({"shape": [2**40, 2**40]}, RowInvalid),
        ({"shape": []}, RowInvalid),
        ({"shape": 4}, FrameInvalid),
        ({"data": "text"}, FrameInvalid),
        ({"rows": 2}, FrameInvalid),
    ],
)
def test_a_block_that_is_not_what_it_says_is_refused(
    changes: dict[str, Any], error: type[WeirError]
) -> None:
    with pytest.raises(error):
        MsgpackCodec().request("income", packed(**changes))


def test_a_block_needs_frames_that_can_hold_bytes() -> None:
    with pytest.raises(FrameInvalid, match=r"weir\.v1\.msgpack"):
        JsonCodec().request("income", '{"id":1,"block":{"datatype":"FP32"}}')


@pytest.mark.parametrize("other", ["record", "rows", "resume"])
def test_a_block_comes_alone(other: str) -> None:
    frame = msgspec.msgpack.decode(packed()) | {other: [[1]]}
    with pytest.raises(FrameInvalid):
        MsgpackCodec().request("income", msgspec.msgpack.encode(frame))
