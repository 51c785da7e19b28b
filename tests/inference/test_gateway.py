"""Rows in, answers out: routed, read, predicted, logged and in order."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

import numpy as np
import pytest

from inference import gateway as door
from inference.core.asking import Ask
from inference.core.errors import (
    Draining,
    JsonInvalid,
    ModelUnavailable,
    NotLogged,
    NotServed,
    RowInvalid,
    StorageUnavailable,
    TooLarge,
)
from inference.core.routing import Wanted
from inference.core.rows import ValueRows
from inference.core.tensors import Tensors
from inference.core.types import LogMode
from inference.gateway import Gateway, Limits
from tests.engine import pair
from tests.inference import gateways
from tests.inference.gateways import Echo, World, world

STRICT = Ask("e")
LENIENT = Ask("e", lenient=True)


class Opens(Protocol):
    """Makes the gateway of a world, over one engine or the other."""

    def __call__(
        self, one: World, limits: Limits | None = None
    ) -> AbstractAsyncContextManager[Gateway]: ...


@pytest.fixture(params=["local", "redis"])
def gateway(request: pytest.FixtureRequest) -> Opens:
    """What is promised here is promised on both engines."""
    if request.param == "local":
        return gateways.gateway
    return partial(pair.gateway, request.getfixturevalue("place"))


async def test_a_record_is_answered_and_its_row_is_there_before_the_answer(gateway: Opens) -> None:
    one = world()
    async with gateway(one) as gate:
        answered = await gate.predict_json(STRICT, b'{"a": 0.75, "b": "x"}')
        (row,) = one.log
    body = json.loads(answered.answers[0].text)
    assert not answered.batch
    assert (body["probability"], body["label"], body["algorithm"]) == (0.75, "yes", 1)
    assert body["request_id"] == row.id
    assert (row.response, row.input_data, row.arm_id) == ("yes", '{"a": 0.75, "b": "x"}', None)


async def test_a_batch_is_answered_in_order_by_one_call_of_the_model(gateway: Opens) -> None:
    forest = Echo(1)
    async with gateway(world(LogMode.STRICT, forest)) as gate:
        body = json.dumps([{"a": n / 100} for n in range(100)]).encode()
        answered = await gate.predict_json(STRICT, body)
    assert answered.batch
    assert [json.loads(a.text)["probability"] for a in answered.answers] == [
        n / 100 for n in range(100)
    ]
    assert forest.seen == [100]


async def test_requests_of_one_moment_share_a_batch_whatever_they_came_as(gateway: Opens) -> None:
    forest = Echo(1)
    async with gateway(world(LogMode.STRICT, forest)) as gate:
        await asyncio.gather(
            gate.predict_json(STRICT, b'{"a": 0.1}'),
            gate.predict_record(STRICT, {"a": "0.2", "b": "y"}),
            gate.predict(STRICT, ValueRows([[0.3, "x"]])),
        )
    assert forest.seen == [3]


@pytest.mark.parametrize("mode", list(LogMode))
async def test_the_log_mode_of_the_endpoint_decides_what_is_written(
    gateway: Opens, mode: LogMode
) -> None:
    one = world(mode)
    async with gateway(one) as gate:
        await gate.predict_json(STRICT, b'[{"a": 0.1}, {"a": 0.2}]')
    assert len(one.log) == (0 if mode is LogMode.OFF else 2)


async def test_a_row_that_does_not_fit_refuses_a_strict_request_and_leaves_no_trace(
    gateway: Opens,
) -> None:
    one = world()
    async with gateway(one) as gate:
        with pytest.raises(RowInvalid) as caught:
            await gate.predict_json(STRICT, b'[{"a": 0.1}, {"a": "no"}]')
    assert (caught.value.row, caught.value.field) == (1, "a")
    assert one.log == []


async def test_a_lenient_request_gets_an_answer_and_a_row_for_each_row(gateway: Opens) -> None:
    one = world()
    async with gateway(one) as gate:
        answered = await gate.predict_json(LENIENT, b'[{"a": "no"}, {"a": 0.9}, 3]')
    bodies = [json.loads(answer.text) for answer in answered.answers]
    assert [body["status"] for body in bodies] == ["Error", "OK", "Error"]
    assert [row.response for row in one.log] == ["error", "yes", "error"]
    assert [body["request_id"] for body in bodies] == [row.id for row in one.log]


@pytest.mark.parametrize("mode", list(LogMode))
async def test_a_lenient_request_of_bad_rows_only_needs_no_model(
    gateway: Opens, mode: LogMode
) -> None:
    forest = Echo(1)
    one = world(mode, forest)
    async with gateway(one) as gate:
        answered = await gate.predict_json(LENIENT, b'{"a": true}')
    assert forest.seen == []
    assert json.loads(answered.answers[0].text)["code"] == "row_invalid"
    assert len(one.log) == (0 if mode is LogMode.OFF else 1)


async def test_a_row_that_the_model_refuses_fails_alone(gateway: Opens) -> None:
    def poisoned(tensors: Tensors) -> None:
        if np.any(np.asarray(tensors[0])[:, 0] == 0.5):
            raise ValueError("not one half")

    one = world(LogMode.STRICT, Echo(1, fails=poisoned))
    async with gateway(one) as gate:
        body = b'[{"a": 0.25}, {"a": 0.5}, {"a": 0.75}]'
        answered = await gate.predict_json(STRICT, body)
    assert [a.error.code if a.error else None for a in answered.answers] == [
        None,
        "model_rejected_row",
        None,
    ]
    assert [row.error_code for row in one.log] == ["", "model_rejected_row", ""]


async def test_malformed_json_is_refused_even_if_lenient(gateway: Opens) -> None:
    async with gateway(world()) as gate:
        with pytest.raises(JsonInvalid):
            await gate.predict_json(LENIENT, b'{"a": 1, "a": 2}')


@pytest.mark.parametrize("body", [b"[]", json.dumps([{"a": 1}] * 11).encode()])
async def test_a_request_has_some_rows_and_not_too_many(gateway: Opens, body: bytes) -> None:
    async with gateway(world(), Limits(rows=10)) as gate:
        with pytest.raises((RowInvalid, TooLarge)):
            await gate.predict_json(LENIENT, body)


async def test_too_many_rows_are_refused_before_they_use_up_ids(gateway: Opens) -> None:
    one = world()
    async with gateway(one, Limits(rows=200)) as gate:
        first = (await gate.predict_json(LENIENT, b"{}")).answers[0].request_id
        with pytest.raises(TooLarge):
            await gate.predict_json(LENIENT, json.dumps([{"a": 1}] * 201).encode())
        gate.ready(ValueRows([{"a": 0.5}] * 100_000))
        second = (await gate.predict_json(LENIENT, b"{}")).answers[0].request_id
        assert second == first + 1
        assert len(gate._wiring.ids.left) < 1000


async def test_nobody_serves_another_name(gateway: Opens) -> None:
    async with gateway(world()) as gate:
        with pytest.raises(NotServed):
            await gate.predict_json(Ask("f"), b"{}")
        with pytest.raises(NotServed):
            gate.schema_hash("f")


async def test_an_algorithm_without_a_model_says_why_and_the_others_serve(gateway: Opens) -> None:
    async with gateway(world(LogMode.STRICT, None, Echo(2))) as gate:
        with pytest.raises(ModelUnavailable, match="would not load"):
            await gate.predict_json(STRICT, b'{"a": 1}')
        await gate.predict_json(Ask("e", Wanted("testing")), b'{"a": 0.5}')


async def test_while_draining_nothing_new_is_taken(gateway: Opens) -> None:
    async with gateway(world()) as gate:
        gate.draining = True
        with pytest.raises(Draining):
            await gate.predict_json(STRICT, b'{"a": 1}')


async def test_without_ids_nothing_can_be_logged_so_nothing_is_answered(gateway: Opens) -> None:
    one = world()
    one.broken_ids = OSError("no database")
    async with gateway(one) as gate:
        with pytest.raises(StorageUnavailable):
            await gate.predict_json(STRICT, b'{"a": 1}')
        one.broken_ids = None
        assert (await gate.predict_json(STRICT, b'{"a": 1}')).answers


async def test_a_log_that_cannot_be_written_gives_no_answer_but_goes_on_when_it_can(
    gateway: Opens,
) -> None:
    one = world()
    one.broken_log = OSError("disk full")
    async with gateway(one) as gate:
        with pytest.raises(StorageUnavailable):
            await gate.predict_json(STRICT, b'{"a": 1}')
        one.broken_log = None
        assert (await gate.predict_json(STRICT, b'{"a": 1}')).answers


async def test_a_subject_keeps_its_arm_and_its_exposure_is_logged(gateway: Opens) -> None:
    one = world(experiment=True)
    async with gateway(one) as gate:
        for _ in range(5):
            await gate.predict_json(Ask("e", subject="ann"), b'[{"a": 0.1}, {"a": 0.2}]')
    assert len({(row.arm_id, row.algorithm_id, row.subject) for row in one.log}) == 1
    assert one.log[0].arm_id in (70, 71)


async def test_without_a_subject_each_row_of_a_batch_draws_its_own_arm_and_order_is_kept(
    gateway: Opens,
) -> None:
    one = world(experiment=True)
    async with gateway(one) as gate:
        body = json.dumps([{"a": n / 200} for n in range(200)]).encode()
        answered = await gate.predict_json(STRICT, body)
    bodies = [json.loads(answer.text) for answer in answered.answers]
    assert [body["probability"] for body in bodies] == [n / 200 for n in range(200)]
    assert [body["request_id"] for body in bodies] == sorted(row.id for row in one.log)
    shares = Counter(row.arm_id for row in one.log)
    assert min(shares.values()) > 60
    by_id = {row.id: row.algorithm_id for row in one.log}
    assert all(by_id[body["request_id"]] == body["algorithm"] for body in bodies)


@pytest.mark.parametrize("subject", ["", "ann"])
async def test_the_rows_of_a_table_are_one_unit_and_are_logged_as_one(
    gateway: Opens, subject: str
) -> None:
    one = world(experiment=True)
    async with gateway(one) as gate:
        for _ in range(3):
            rows = ValueRows([{"a": n / 100} for n in range(20)])
            await gate.predict(Ask("e", subject=subject, table=True), rows)
    first_ids = {min(row.id for row in one.log[at : at + 20]) for at in (0, 20, 40)}
    wanted = {subject} if subject else {f"request:{first}" for first in first_ids}
    assert {row.subject for row in one.log} == wanted
    assert len({(row.subject, row.arm_id) for row in one.log}) == len(wanted)


async def test_without_an_experiment_a_table_is_logged_as_it_came(gateway: Opens) -> None:
    one = world()
    async with gateway(one) as gate:
        await gate.predict(Ask("e", table=True), ValueRows([{"a": 0.1}, {"a": 0.2}]))
    assert {row.subject for row in one.log} == {""}


async def test_the_schema_of_what_is_in_production_has_a_hash(gateway: Opens) -> None:
    one = world()
    async with gateway(one) as gate:
        assert len(gate.schema_hash("e")) == 64


def test_a_process_that_serves_nothing_has_no_door() -> None:
    with pytest.raises(ModelUnavailable, match="serves no models"):
        door.current()


async def test_the_door_of_the_process_is_the_one_that_was_installed(gateway: Opens) -> None:
    async with gateway(world()) as gate:
        door.install(gate)
        try:
            assert door.current() is gate
        finally:
            door.install(None)


# -- ids that were fixed before --------------------------------------------------------------------


async def test_what_is_repeated_has_the_same_ids_and_the_same_arms(gateway: Opens) -> None:
    one = world(experiment=True)
    rows = ValueRows([{"a": n / 100} for n in range(20)])
    async with gateway(one) as gate:
        ids = await gate.reserve(LENIENT, rows)
        pending = [gate.repeat(LENIENT, rows, ids) for _ in range(2)]
        for each in pending:
            await each.done

    drawn = Counter((row.id, row.arm_id) for row in one.log)
    assert set(drawn.values()) == {2}
    assert sorted(each for each, _ in drawn) == ids
    assert pending[0].texts == pending[1].texts


async def test_what_may_be_repeated_is_logged_before_it_is_answered(gateway: Opens) -> None:
    one = world(LogMode.FAST)
    one.broken_log = OSError("away")
    rows = ValueRows([{"a": 0.5}])
    async with gateway(one) as gate:
        ids = await gate.reserve(LENIENT, rows)
        with pytest.raises(StorageUnavailable):
            await gate.repeat(LENIENT, rows, ids).done


async def test_without_a_log_no_ids_are_fixed(gateway: Opens) -> None:
    async with gateway(world(LogMode.OFF)) as gate:
        with pytest.raises(NotLogged):
            await gate.reserve(LENIENT, ValueRows([{"a": 0.5}]))


async def test_what_would_be_refused_can_be_known_before(gateway: Opens) -> None:
    one = world()
    fine, odd = ValueRows([{"a": 0.5}]), ValueRows([{"a": "no"}])
    async with gateway(one) as gate:
        assert gate.foresee(STRICT, fine, [1]).id == 1
        assert gate.foresee(LENIENT, odd, [1]).id == 1
        with pytest.raises(RowInvalid):
            gate.foresee(STRICT, odd, [1])
        with pytest.raises(NotServed):
            gate.foresee(Ask("nobody"), fine, [1])

    assert one.log == []
