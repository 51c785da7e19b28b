from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bench import trip
from bench.problem import BenchFailed
from bench.trip import OneRow
from bench.workload import Workload
from inference.core.tickets import Context, Part
from inference.core.types import LogMode

WORK = Workload(("a", "b"), ("no", "yes"), [[1.5, -2.0]], [0.25])
SERVED = trip.served(WORK, 7)


def part(request_id: int) -> Part:
    row = OneRow('{"a":1.5,"b":-2}', [1.5, -2.0])
    context = Context(row, "", LogMode.OFF, datetime.now(UTC))
    return Part(SERVED, None, range(1), [request_id], context)


def test_a_row_that_was_read_in_advance_goes_to_the_model_as_it_is() -> None:
    one = part(1)

    assert one.tensors is not None
    assert one.tensors[0].tolist() == [[1.5, -2.0]]
    assert one.context.rows.raw(0) == '{"a":1.5,"b":-2}'


def test_the_right_answer_under_the_right_id_is_taken() -> None:
    one = part(3)
    one.told([json.dumps({"probability": 0.25, "request_id": 3})], {})

    trip.check(WORK, 0, one)


@pytest.mark.parametrize(
    "said", [{"probability": 0.26, "request_id": 3}, {"probability": 0.25, "request_id": 4}]
)
def test_a_wrong_answer_or_that_of_somebody_else_ends_the_run(said: dict[str, float]) -> None:
    one = part(3)
    one.told([json.dumps(said)], {})

    with pytest.raises(BenchFailed, match="answered wrongly"):
        trip.check(WORK, 0, one)
