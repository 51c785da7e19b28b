from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from inference.core import wire
from inference.core.errors import Overloaded as OverloadedThere
from inference.core.errors import RowInvalid
from weir_client import frames
from weir_client.errors import Overloaded, Unexpected
from weir_client.frames import Accepted, Draining, Format, Hello, Refused, Result
from weir_client.values import Failure, Prediction

FORMATS: list[Format] = ["json", "msgpack"]
ROW: dict[str, object] = {"age": 39, "work": "State-gov", "none": None, "nan": float("nan")}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("item", [ROW, [1, "a", None], (1.5, 2.5)], ids=["record", "list", "tuple"])
def test_the_server_reads_our_frames(kind: Format, item: Any) -> None:
    codec = frames.CODECS[kind]()
    fields = {"subject": "ann", "version": "1", "status": "testing", "deadline_ms": 50.0}

    request = wire.CODECS[codec.name]().request("e", codec.frame(7, item, fields))

    assert (request.id, len(request.rows), request.batch) == (7, 1, not isinstance(item, dict))
    assert (request.ask.subject, request.ask.wanted.version) == ("ann", "1")
    assert request.ask.deadline == 0.05


@pytest.mark.parametrize("kind", FORMATS)
def test_we_read_the_frames_of_the_server(kind: Format) -> None:
    codec = frames.CODECS[kind]()
    there = wire.CODECS[codec.name]()
    text = '{"value":1.5,"label":"1.5","status":"OK","request_id":9,"algorithm":1,"version":"2"}'
    predicted = Prediction(9, 1, "2", "1.5", value=1.5)

    def heard(body: dict[str, object]) -> frames.Message:
        return codec.message(there.message(body))

    assert heard(wire.hello("e", 8, "hash", "s" * 16)) == Hello(8, "hash", "s" * 16)
    assert heard(wire.draining()) == Draining()
    assert heard(wire.accepted(3, [9], batch=False)) == Accepted(3)
    refused = heard(wire.error(4, RowInvalid("no", row=1, field="age"), 9))
    assert refused == Refused("row_invalid", 4, "no", 1, "age", 9)
    assert codec.message(there.result(5, [text], batch=False)) == Result(5, predicted)
    result = codec.message(there.result(5, [text], batch=True))
    assert isinstance(result, Result)
    assert result.outcome == predicted


@pytest.mark.parametrize("kind", FORMATS)
def test_lack_of_room_says_when_to_come_again(kind: Format) -> None:
    codec = frames.CODECS[kind]()
    there = wire.CODECS[codec.name]()

    heard = codec.message(there.message(wire.error(1, OverloadedThere(retry_after=0.25))))

    assert isinstance(heard, Refused)
    assert isinstance(heard.error, Overloaded)
    assert heard.error.retry_after == 0.25


def test_a_failed_row_among_results_is_a_value() -> None:
    row = '{"status":"Error","code":"row_invalid","request_id":2}'
    body = f'{{"type":"result","id":1,"results":[{row}]}}'

    heard = frames.JsonCodec().message(body)

    assert isinstance(heard, Result)
    assert heard.outcome == Failure("row_invalid", request_id=2)


def test_a_block_goes_as_bytes() -> None:
    rows = np.array([[1.0, np.nan]], np.float32)

    frame = frames.MsgpackCodec().frame(1, rows, {"subject": "ann"})
    assert isinstance(frame, bytes)
    sent = msgspec.msgpack.decode(frame)

    block = {"datatype": "FP32", "shape": [1, 2], "data": rows.tobytes()}
    assert sent == {"id": 1, "block": block, "subject": "ann"}


def test_a_block_comes_back_as_arrays() -> None:
    ids = {"datatype": "INT64", "shape": [1], "data": np.array([5]).tobytes()}
    value = {"name": "value", "datatype": "FP64", "shape": [1], "data": np.array([0.5]).tobytes()}
    block = {"request_ids": ids, "outputs": [value], "algorithm": 1, "version": "1"}
    frame = msgspec.msgpack.encode({"type": "result", "id": 1, "block": block})

    heard = frames.MsgpackCodec().message(frame)

    assert isinstance(heard, Result)
    assert heard.outcome.value.tolist() == [0.5]  # type: ignore[union-attr]  # a block, or this fails


def test_an_infinity_is_no_missing_value() -> None:
    with pytest.raises(ValueError, match="infinity"):
        frames.JsonCodec().frame(1, {"a": float("inf")}, {})


def test_text_carries_no_blocks() -> None:
    with pytest.raises(TypeError, match="msgpack"):
        frames.JsonCodec().frame(1, np.ones((1, 1)), {})


@pytest.mark.parametrize("item", ["abc", b"abc"])
def test_a_text_is_no_row(item: Any) -> None:
    with pytest.raises(TypeError, match="A row is"):
        frames.MsgpackCodec().frame(1, item, {})


@pytest.mark.parametrize("data", [b"\xff", b"{}", b'{"type":"hullo"}', b'{"type":"hello"}'])
def test_what_is_no_frame_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(Unexpected):
        frames.JsonCodec().message(data)


def test_a_result_of_nothing_is_no_answer() -> None:
    with pytest.raises(Unexpected):
        _ = Result(1).outcome


def test_numbers_of_numpy_are_numbers() -> None:
    item = {"a": np.float32(0.5), "b": np.int64(3)}

    assert b'"a":0.5,"b":3' in frames.JsonCodec().frame(1, item, {}).encode()  # type: ignore[union-attr]  # JSON is text
