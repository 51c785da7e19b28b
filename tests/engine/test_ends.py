"""Models are swapped and servers stopped without losing what was accepted."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from inference.core.batching import BatchPolicy
from inference.core.errors import Draining, StorageUnavailable
from inference.core.tensors import Tensors
from inference.core.types import LogMode
from inference.engine.local import LocalEngine
from tests.engine.crowd import Hands, Ledger, Sevenfold, Slip, job, turns, values


async def test_retire_waits_for_what_is_under_way_and_only_for_that(
    engine: LocalEngine, hands: Hands
) -> None:
    old, new = Sevenfold("old"), Sevenfold("new")
    running = engine.submit(job(old, 1, mode=LogMode.STRICT))
    await turns()
    queued = engine.submit(job(old, 2))
    retired = asyncio.create_task(engine.retire("old", asyncio.get_running_loop().time() + 5))
    engine.submit(job(new, 3))

    await hands.go("weir-old", times=2)
    assert (queued.done(), retired.done()) == (True, False)
    await hands.go("weir-log")

    assert await retired
    assert running.done()
    assert set(engine.stats().lanes) == {"new"}


async def test_retire_says_when_it_was_not_in_time_and_hurts_nobody(
    engine: LocalEngine, hands: Hands
) -> None:
    answer = engine.submit(job(Sevenfold(), 1))
    await turns()

    assert not await engine.retire("sevenfold", asyncio.get_running_loop().time() + 0.01)
    assert await engine.retire("unheard of", 0.0)
    await hands.go()

    assert values(await answer) == [7]


async def test_a_thousand_answers_through_fifty_swaps_and_each_names_its_model() -> None:
    engine, present = LocalEngine(BatchPolicy(max_rows=8)), Sevenfold(0, inline_ok=True)
    closed: set[object] = set()

    class Version(Sevenfold):
        def predict(self, tensors: Tensors) -> Tensors:
            assert self.key not in closed
            return (np.multiply(tensors[0], float(str(self.key))),)

    async def ask(n: int) -> None:
        version = present
        outcome = await engine.submit(job(version, n))
        assert values(outcome) == [n * float(str(version.key))]

    async def swap(key: int) -> None:
        nonlocal present
        old, present = present, Version(key, inline_ok=key % 2 == 0)
        assert await engine.retire(old.key, asyncio.get_running_loop().time() + 5)
        closed.add(old.key)

    present = Version(0)
    for key in range(1, 51):
        await asyncio.gather(*(ask(n) for n in range(10)), swap(key), *(ask(n) for n in range(10)))

    assert set(engine.stats().lanes) == {50}
    await engine.close()


async def test_drain_refuses_what_is_new_and_finishes_what_was_accepted(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    model = Sevenfold()
    answers = [engine.submit(job(model, n, mode=LogMode.STRICT)) for n in range(3)]
    fast = engine.submit(job(model, 9, mode=LogMode.FAST))
    drained = asyncio.create_task(engine.drain(asyncio.get_running_loop().time() + 5))
    await turns()

    with pytest.raises(Draining):
        engine.submit(job(model, 4))
    await hands.go("weir-sevenfold")
    assert not drained.done()
    await hands.go("weir-log", times=2)  # those who wait for it first

    assert await drained
    assert all(answer.result() for answer in [*answers, fast])
    assert len(ledger.written) == 4
    assert engine.stats().draining


async def test_drain_has_a_deadline_and_close_tells_those_who_still_wait(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    logging = engine.submit(job(model, 0, mode=LogMode.STRICT))
    await hands.go("weir-sevenfold")
    running = engine.submit(job(model, 1))
    await turns()
    queued = engine.submit(job(model, 2))

    assert not await engine.drain(asyncio.get_running_loop().time() + 0.01)
    await engine.close()

    for answer in (logging, running, queued):
        with pytest.raises(Draining):
            await answer


async def test_after_close_a_record_is_refused(engine: LocalEngine) -> None:
    await engine.close()

    with pytest.raises(StorageUnavailable):
        await engine.record(Slip(), LogMode.STRICT)


async def test_two_who_retire_the_same_model_are_both_told(
    engine: LocalEngine, hands: Hands
) -> None:
    engine.submit(job(Sevenfold(), 1))
    in_time = asyncio.get_running_loop().time() + 5
    both = [asyncio.create_task(engine.retire("sevenfold", in_time)) for _ in range(2)]
    await hands.go()

    assert await asyncio.gather(*both) == [True, True]
    assert engine.stats().lanes == {}
