"""The same request again, at once, later or elsewhere: one run, one row, one answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from inference.core.asking import Ask
from inference.core.errors import (
    DeadlineExceeded,
    Draining,
    IdempotencyMismatch,
    InProgress,
    InputError,
    NotLogged,
    NotServed,
    Overloaded,
    RowInvalid,
    StorageUnavailable,
)
from inference.core.perseverance import LEASE
from inference.core.tensors import Tensors
from inference.core.types import LogMode
from inference.durable import attempts
from inference.models import Outbox, Receipt
from inference.services import moments
from inference.services.standings import Found, Standing
from tests.durable.lives import (
    MOST,
    Gate,
    Shared,
    database,
    logged,
    process,
    request,
    shared,
    tallies,
)

pytestmark = pytest.mark.django_db(transaction=True)
BATCH = b'[{"a": 0.75}, {"a": 0.25}, {"a": "no"}]'


@pytest.fixture
def one() -> Shared:
    return shared()


@pytest.fixture
def tested() -> Shared:
    """While a test runs."""
    return shared(experiment=True)


def texts(found: Found) -> list[Any]:
    return [json.loads(text) for text in found.texts]


def let_go() -> None:
    """As if every process had said nothing for a lease."""
    Receipt.objects.update(held_since=moments.since_now(-LEASE - 1))
    Outbox.objects.update(due_at=moments.since_now(-1))


# -- with a key ------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b'{"a": 0.75}', BATCH, b'{"a": "no"}', b'{"a": 1e39}'])
async def test_a_repeat_gets_the_first_answer_to_the_byte(one: Shared, body: bytes) -> None:
    async with process(one) as life:
        first = await life.durable.answer(request("k", body))
        again = await life.durable.answer(request("k", body))

    assert (first.replayed, again.replayed) == (False, True)
    assert again.found == first.found._replace(ids=list(first.found.ids))
    assert await database(logged) == list(first.found.ids)


async def test_a_repeat_in_another_process_as_well(one: Shared) -> None:
    async with process(one, "a") as life, process(one, "b") as other:
        first = await life.durable.answer(request("k", BATCH))
        again = await other.durable.answer(request("k", BATCH))

    assert again.replayed
    assert again.found.texts == first.found.texts


async def test_fifty_at_once_run_once(one: Shared) -> None:
    async with process(one) as life:
        answers = await asyncio.gather(*[life.durable.answer(request("k")) for _ in range(50)])

    assert len({each.found.texts[0] for each in answers}) == 1
    assert sum(not each.replayed for each in answers) == 1
    assert len(await database(logged)) == 1


async def test_fifty_at_once_in_two_processes_run_once(tested: Shared) -> None:
    async with process(tested, "a") as life, process(tested, "b") as other:
        both = [life.durable, other.durable]
        asked = [both[at % 2].answer(request("k", BATCH)) for at in range(50)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        later = await other.durable.answer(request("k", BATCH))

    told = {str(each.found.texts) for each in answers if not isinstance(each, BaseException)}
    refused = {type(each) for each in answers if isinstance(each, BaseException)}
    assert told == {str(later.found.texts)}
    assert refused <= {InProgress}
    assert len(await database(logged)) == 3
    counted, recounted = await database(tallies)
    assert counted == recounted


async def test_another_request_under_the_same_key_is_refused(one: Shared) -> None:
    async with process(one) as life:
        await life.durable.answer(request("k"))
        with pytest.raises(IdempotencyMismatch):
            await life.durable.answer(request("k", b'{"a": 0.5}'))


async def test_another_one_is_refused_while_the_first_runs(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one) as life:
        first = asyncio.ensure_future(life.durable.answer(request("k")))
        await gate.reached()
        with pytest.raises(IdempotencyMismatch):
            await life.durable.answer(request("k", b'{"a": 0.5}'))
        gate.open()
        assert not (await first).replayed


async def test_who_hangs_up_ends_nothing(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one) as life:
        first = asyncio.ensure_future(life.durable.answer(request("k")))
        await gate.reached()
        first.cancel()
        again = asyncio.ensure_future(life.durable.answer(request("k")))
        gate.open()
        assert (await again).replayed

    assert len(await database(logged)) == 1


async def test_another_process_is_told_that_one_is_at_it(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one, "a") as life, process(one, "b") as other:
        first = asyncio.ensure_future(life.durable.answer(request("k")))
        await gate.reached()
        with pytest.raises(InProgress) as caught:
            await other.durable.answer(request("k"))
        gate.open()
        await first

    assert caught.value.retry_after == 1.0


async def test_what_was_not_logged_is_run_again_under_the_same_ids(tested: Shared) -> None:
    async with process(tested, "a") as failing, process(tested, "b") as other:
        failing.broken_log = OSError("no room on the disk")
        with pytest.raises(StorageUnavailable):
            await failing.durable.answer(request("k", BATCH))
        before = await database(lambda: Receipt.objects.get().ids)
        again = await other.durable.answer(request("k", BATCH))

    assert before == [[again.found.ids[0], 3]]
    assert await database(logged) == again.found.ids
    counted, recounted = await database(tallies)
    assert counted == recounted


async def test_whoever_was_first_in_the_log_has_answered(
    one: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process was taken for dead, and wakes up when another one has answered differently."""
    monkeypatch.setattr(attempts, "_SURE", 0.0)
    forest = one.models[0]
    gate = Gate(forest)
    async with process(one, "a") as slow, process(one, "b") as other:
        first = asyncio.ensure_future(slow.durable.answer(request("k")))
        await gate.reached()
        await database(let_go)
        forest.fails = _refuse
        second = await other.durable.answer(request("k"))
        gate.open()
        answers = [(await first).found, second.found]

    assert [texts(each)[0]["status"] for each in answers] == ["Error", "Error"]
    assert len(await database(logged)) == 1


def _refuse(_: Tensors) -> None:
    raise ValueError("a model of another mind")


@pytest.mark.parametrize(
    ("body", "query"), [(b'{"a": "no"}', {"strict": True}), (b"[]", {}), (b'{"a": 1', {})]
)
async def test_what_is_refused_as_a_whole_leaves_the_key_free(
    one: Shared, body: bytes, query: dict[str, Any]
) -> None:
    async with process(one) as life:
        with pytest.raises(InputError):
            await life.durable.answer(request("k", body, **query))
        answer = await life.durable.answer(request("k"))

    assert answer.found.standing is Standing.DONE
    assert len(await database(logged)) == 1


async def test_what_came_too_late_is_run_again_at_once(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one, deadline=0.5) as life:
        await life.gateway._wiring.ids.wait(1)  # that may take its time
        with pytest.raises(DeadlineExceeded):
            await life.durable.answer(request("k"))
        gate.open()
        one.models[0].fails = lambda _: None
        answer = await life.durable.answer(request("k"))

    assert await database(logged) == answer.found.ids


async def test_without_a_log_there_is_nothing_to_repeat(one: Shared) -> None:
    one.log(LogMode.OFF)
    async with process(one) as life:
        for asked in (request("k"), request(wait=0.0)):
            with pytest.raises(NotLogged):
                await life.durable.answer(asked)


async def test_an_endpoint_that_answers_first_logs_this_one_first(one: Shared) -> None:
    one.log(LogMode.FAST)
    async with process(one) as life:
        life.broken_log = OSError("away")
        with pytest.raises(StorageUnavailable):
            await life.durable.answer(request("k"))


async def test_a_name_of_nobody_is_refused_and_not_kept(one: Shared) -> None:
    async with process(one) as life:
        nobody = replace(request("k"), ask=Ask("nobody"))
        with pytest.raises(NotServed):
            await life.durable.answer(nobody)

    assert await database(Receipt.objects.count) == 0


# -- later -----------------------------------------------------------------------------------------


async def test_what_is_accepted_has_its_row_when_it_is_done(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one) as life:
        answer = await life.durable.answer(request(body=BATCH, wait=0.0))
        queued = await database(Outbox.objects.get)
        gate.open()
        found = await life.durable.answered(answer.found.ids)

    assert (answer.found.standing, answer.found.batch) == (Standing.QUEUED, True)
    assert (queued.pk, queued.body) == (answer.found.ids[0], BATCH.decode().replace(", ", ","))
    assert [json.loads(text)["status"] for text in found] == ["OK", "OK", "Error"]
    assert await database(logged) == list(answer.found.ids)
    assert await database(Outbox.objects.count) == 0


async def test_who_waits_long_enough_has_the_answer_at_once(one: Shared) -> None:
    async with process(one) as life:
        answer = await life.durable.answer(request(wait=5.0))

    assert texts(answer.found)[0]["probability"] == 0.75
    assert await database(Outbox.objects.count) == 0


async def test_accepted_again_it_is_still_the_same_request(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one, "a") as life, process(one, "b") as other:
        first = await life.durable.answer(request("k", wait=0.0))
        here = await life.durable.answer(request("k", wait=0.0))
        there = await other.durable.answer(request("k"))
        gate.open()
        await life.durable.answered(first.found.ids)
        done = await other.durable.answer(request("k", wait=0.0))

    assert [each.found.standing for each in (here, there, done)] == [
        Standing.QUEUED,
        Standing.QUEUED,
        Standing.DONE,
    ]
    assert {each.found.ids[0] for each in (first, here, there, done)} == {first.found.ids[0]}
    assert (first.replayed, here.replayed, there.replayed) == (False, True, True)


async def test_who_cannot_wait_waits_for_what_was_not_accepted(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one) as life:
        first = asyncio.ensure_future(life.durable.answer(request("k")))
        await gate.reached()
        second = asyncio.ensure_future(life.durable.answer(request("k", wait=0.0)))
        gate.open()
        assert (await second).found.standing is Standing.DONE
        await first


async def test_what_can_be_refused_is_refused_before_it_is_accepted(one: Shared) -> None:
    async with process(one) as life:
        for asked in (request(body=b'{"a": 1', wait=0.0), request(wait=0.0, body=b"[]")):
            with pytest.raises(InputError):
                await life.durable.answer(asked)
        with pytest.raises(RowInvalid):
            await life.durable.answer(request(body=b'{"a": "no"}', wait=0.0, strict=True))

    assert await database(Outbox.objects.count) == 0


async def test_so_many_are_accepted_and_no_more(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one) as life:
        for _ in range(MOST):
            await life.durable.answer(request(wait=0.0))
        with pytest.raises(Overloaded) as caught:
            await life.durable.answer(request("k", wait=0.0))
        gate.open()

    assert caught.value.retry_after == 5.0


async def test_what_failed_after_it_was_accepted_is_tried_again(one: Shared) -> None:
    async with process(one) as life:
        life.broken_log = OSError("away")
        answer = await life.durable.answer(request(wait=5.0))
        life.broken_log = None
        queued = await database(Outbox.objects.get)
        await database(let_go)
        await life.durable.sweeper.sweep()
        found = await life.durable.answered(answer.found.ids)

    assert answer.found.standing is Standing.QUEUED
    assert (queued.attempts, queued.refusals) == (1, 1)
    assert len(found) == len(await database(logged)) == 1


async def test_what_is_accepted_while_this_process_leaves_is_anybodys_at_once(one: Shared) -> None:
    async with process(one, "a") as leaving, process(one, "b") as other:
        await leaving.engine.drain(asyncio.get_running_loop().time() + 5)
        answer = await leaving.durable.answer(request(wait=5.0))
        leaving.gateway.draining = True
        with pytest.raises(Draining):
            await leaving.durable.answered([10**9])
        await other.durable.sweeper.sweep()
        await other.durable.answered(answer.found.ids)

    assert await database(logged) == list(answer.found.ids)


# -- resumed ---------------------------------------------------------------------------------------


async def test_what_is_resumed_comes_as_soon_as_it_is_there(one: Shared) -> None:
    gate = Gate(one.models[0])
    async with process(one, "a") as life, process(one, "b") as other:
        one.models[0].inline_ok = False
        asked = asyncio.ensure_future(life.durable.answer(request("slow")))
        await gate.reached()
        heard: list[tuple[str, Standing]] = []
        async for key, found in other.durable.resumed([request("slow").key, "nobody's"]):
            heard.append((key, found.standing))
            gate.open()
        answer = await asked

    assert heard == [("nobody's", Standing.GONE), (request("slow").key, Standing.DONE)]
    assert answer.found.standing is Standing.DONE
