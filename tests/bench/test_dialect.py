from __future__ import annotations

import json

import msgspec
import pytest

from bench.dialect import DIALECTS
from bench.problem import BenchFailed

JSON, MSGPACK = DIALECTS["json"], DIALECTS["msgpack"]


def result(slot: int) -> dict[str, object]:
    return {"type": "result", "id": slot, "result": {"probability": 0.25, "label": "no"}}


@pytest.mark.parametrize("slot", [0, 7, 31, 127, 128, 4000])
def test_the_slot_of_a_result_is_told(slot: int) -> None:
    compact = json.dumps(result(slot), separators=(",", ":")).encode()

    assert JSON.slot(compact) == slot
    assert JSON.slot(json.dumps(result(slot)).encode()) == slot
    assert MSGPACK.slot(msgspec.msgpack.encode(result(slot))) == slot


@pytest.mark.parametrize("name", ["json", "msgpack"])
def test_an_error_is_no_result(name: str) -> None:
    dialect = DIALECTS[name]
    error = dialect.encode({"type": "error", "id": 1, "code": "overloaded"})

    with pytest.raises(BenchFailed, match="overloaded"):
        dialect.slot(error)
    with pytest.raises(BenchFailed, match="overloaded"):
        dialect.probabilities(error)


def test_the_probabilities_come_in_the_order_of_the_rows() -> None:
    many = {"type": "result", "id": 1, "results": [{"probability": 0.5}, {"probability": 0.75}]}

    assert JSON.probabilities(json.dumps(many).encode()) == [0.5, 0.75]
    assert MSGPACK.probabilities(msgspec.msgpack.encode(result(1))) == [0.25]


def test_a_row_that_failed_is_no_answer() -> None:
    failed = {"type": "result", "id": 1, "result": {"status": "Error"}}

    with pytest.raises(BenchFailed, match="Error"):
        JSON.probabilities(json.dumps(failed).encode())
