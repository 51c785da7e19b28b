"""What a process left behind is taken up by another one, and ends whatever happens."""

from __future__ import annotations

import asyncio
import json

import pytest

from inference.core.errors import RowInvalid
from inference.core.perseverance import KEPT, LEASE, MOST_DEATHS
from inference.durable import sweeper
from inference.models import MLRequest, Outbox, Receipt
from inference.services import moments
from tests.durable.lives import (
    Gate,
    Life,
    Shared,
    database,
    logged,
    process,
    request,
    shared,
    tallies,
)

pytestmark = pytest.mark.django_db(transaction=True)
BATCH = b'[{"a": 0.75}, {"a": 0.25}]'


@pytest.fixture
def one() -> Shared:
    return shared()


def fall_due(seconds: float = 1.0) -> None:
    Outbox.objects.update(due_at=moments.since_now(-seconds))


async def left_behind(life: Life, body: bytes = BATCH, key: str = "") -> list[int]:
    """The ids of a request that was accepted and not answered."""
    life.broken_log = OSError("away")
    answer = await life.durable.answer(request(key, body, wait=5.0))
    life.broken_log = None
    await database(fall_due)
    return list(answer.found.ids)


async def test_what_another_process_left_behind_is_answered_once() -> None:
    one = await database(lambda: shared(experiment=True))
    async with process(one, "a") as lost, process(one, "b") as heir, process(one, "c") as other:
        ids = await left_behind(lost)
        await asyncio.gather(heir.durable.sweeper.sweep(), other.durable.sweeper.sweep())
        texts = await heir.durable.answered(ids)

    assert [json.loads(text)["request_id"] for text in texts] == ids == await database(logged)
    counted, recounted = await database(tallies)
    assert counted == recounted
    assert await database(Outbox.objects.count) == 0


async def test_what_was_logged_but_not_crossed_off_is_not_run_again(one: Shared) -> None:
    async with process(one) as life:
        ids = await left_behind(life)
        kept = await database(Outbox.objects.get)
        await life.durable.sweeper.sweep()
        await life.durable.answered(ids)
        await life.durable.drain(asyncio.get_running_loop().time() + 5)
        ran = len(one.models[0].seen)
        kept.due_at = kept.created_at
        await database(lambda: kept.save(force_insert=True))
        await life.durable.sweeper.sweep()
        await life.durable.drain(asyncio.get_running_loop().time() + 5)

    assert len(one.models[0].seen) == ran
    assert await database(Outbox.objects.count) == 0


async def test_what_takes_long_is_not_taken_away(
    one: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "TICK", 0.0)
    gate = Gate(one.models[0])
    async with process(one, "a") as life, process(one, "b") as other:
        await life.durable.answer(request(wait=0.0))
        keyed = life.durable.begin(request("k"))
        await keyed.opened
        await gate.reached()
        await database(fall_due)
        await database(lambda: Receipt.objects.update(held_since=moments.since_now(-LEASE - 1)))
        await life.durable.sweeper.sweep()
        await other.durable.sweeper.sweep()
        attempts = await database(lambda: Outbox.objects.get().attempts)
        held = await database(lambda: Receipt.objects.filter(held_since__gt=moments.since_now(-5)))
        renewed = await database(held.count)
        gate.open()
        await keyed.done

    assert (attempts, renewed) == (1, 1)


async def test_what_ended_its_process_too_often_is_an_error_in_the_log(one: Shared) -> None:
    async with process(one) as life:
        ids = await left_behind(life)
        await database(lambda: Outbox.objects.update(attempts=MOST_DEATHS + 1))
        await life.durable.sweeper.sweep()
        texts = await life.durable.answered(ids)

    assert [json.loads(text)["code"] for text in texts] == ["model_error"] * 2
    assert await database(Outbox.objects.count) == 0


async def test_what_is_refused_for_a_day_is_an_error_in_the_log(one: Shared) -> None:
    async with process(one) as life:
        ids = await left_behind(life)
        await database(
            lambda: Outbox.objects.update(created_at=moments.since_now(-KEPT), endpoint="nobody")
        )
        await life.durable.sweeper.sweep()
        texts = await life.durable.answered(ids)

    assert {json.loads(text)["code"] for text in texts} == {"not_served"}
    rows = await database(lambda: list(MLRequest.objects.values_list("error_code", flat=True)))
    assert rows == ["not_served"] * 2


async def test_what_cannot_be_read_any_more_is_not_tried_for_a_day(one: Shared) -> None:
    """The schema changed after it was accepted, and its caller wants no lenience."""
    async with process(one) as life:
        ids = await left_behind(life)
        ask = request(strict=True).ask.as_dict()
        await database(lambda: Outbox.objects.update(ask=ask, body='[{"a": 1}, {"a": "no"}]'))
        await life.durable.sweeper.sweep()
        texts = await life.durable.answered(ids)

    assert {json.loads(text)["code"] for text in texts} == {RowInvalid.code}


async def test_a_key_finds_what_the_sweeper_answered(one: Shared) -> None:
    async with process(one) as life:
        ids = await left_behind(life, key="k")
        await life.durable.sweeper.sweep()
        await life.durable.answered(ids)
        again = await life.durable.answer(request("k", BATCH))

    assert again.replayed
    assert again.found.ids == ids


async def test_a_process_that_leaves_takes_nothing_up(one: Shared) -> None:
    async with process(one) as life:
        await left_behind(life)
        life.gateway.draining = True
        await life.durable.sweeper.sweep()

    assert await database(lambda: Outbox.objects.get().attempts) == 1


async def test_old_receipts_are_forgotten_on_the_way(one: Shared) -> None:
    async with process(one) as life:
        await life.durable.answer(request("k"))
        await database(lambda: Receipt.objects.update(created_at=moments.since_now(-KEPT - 1)))
        await life.durable.sweeper.sweep()

    assert await database(Receipt.objects.count) == 0


async def test_the_sweeper_goes_on_when_the_database_was_away(
    one: Shared, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeper, "TICK", 0.0)
    async with process(one) as life:
        looks = 0
        enough = asyncio.Event()

        async def sweep() -> None:
            nonlocal looks
            looks += 1
            if looks > 2:
                enough.set()
            raise OSError("away") if looks == 1 else RowInvalid("odd")

        monkeypatch.setattr(life.durable.sweeper, "sweep", sweep)
        running = asyncio.ensure_future(life.durable.sweeper.run())
        await asyncio.wait_for(enough.wait(), 5)
        running.cancel()

    assert "could not be looked at" in caplog.text
