"""Short batches run here, the others on a thread; both teach how long the next will take."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from inference.core.batching import BatchPolicy
from inference.engine import runner
from inference.engine.runner import Abandoned, Runner
from tests.engine.crowd import POISON, Hands, Sevenfold, turns

ROW = (np.ones((1, 1)),)


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Each look at a clock costs so many seconds: one on the wall, another of this thread."""
    cost = [0.0001, 0.0001]
    now = [0.0, 0.0]

    def look(which: int) -> float:
        now[which] += cost[which]
        return now[which]

    monkeypatch.setattr(runner, "monotonic", lambda: look(0))
    monkeypatch.setattr(runner, "thread_time", lambda: look(1))
    return cost


async def run(bench: Runner, model: Sevenfold, hands: Hands) -> str:
    before = sum(map(len, (t.calls for t in hands.threads)))
    running = asyncio.create_task(bench.run(model, ROW))
    await turns()
    if sum(map(len, (t.calls for t in hands.threads))) == before:
        await running
        return "here"
    await hands.go()
    await running
    return "elsewhere"


@pytest.fixture
def bench(hands: Hands) -> Runner:
    return Runner("weir-x", BatchPolicy(), hands)


async def test_the_unknown_goes_to_the_thread_and_the_short_stays_here(
    bench: Runner, hands: Hands
) -> None:
    model = Sevenfold(inline_ok=True)

    assert [await run(bench, model, hands) for _ in range(3)] == ["elsewhere", "here", "here"]


async def test_a_model_that_may_wait_inside_never_stays_here(bench: Runner, hands: Hands) -> None:
    model = Sevenfold(inline_ok=False)

    assert [await run(bench, model, hands) for _ in range(3)] == ["elsewhere"] * 3
    assert len(hands.threads) == 1


async def test_waiting_for_the_processor_is_not_held_against_a_model_that_only_computes(
    bench: Runner, hands: Hands, cost: list[float]
) -> None:
    model = Sevenfold(inline_ok=True)
    cost[:] = [0.5, 0.0002]

    assert await run(bench, model, hands) == "elsewhere"
    # Whoever stands in the queue waits for all of it.
    assert bench.latency.seconds(1) == pytest.approx(0.5)
    assert await run(bench, model, hands) == "here"


async def test_a_model_that_is_slow_by_itself_does_not_come_here(
    bench: Runner, hands: Hands, cost: list[float]
) -> None:
    model = Sevenfold(inline_ok=True)
    cost[:] = [0.5, 0.4]

    assert [await run(bench, model, hands) for _ in range(2)] == ["elsewhere"] * 2


async def test_failures_teach_nothing(bench: Runner, hands: Hands) -> None:
    model = Sevenfold(inline_ok=True)
    model.batches.clear()
    failing = asyncio.create_task(bench.run(model, (np.full((1, 1), POISON),)))

    await hands.go()

    assert isinstance((await failing).error, ValueError)
    assert bench.latency.seconds(1) is None
    await run(bench, model, hands)
    tried = await bench.run(model, (np.full((1, 1), POISON),))
    assert isinstance(tried.error, ValueError)


async def test_it_says_how_long_the_call_under_way_will_take(bench: Runner, hands: Hands) -> None:
    for _ in range(3):
        bench.latency.observe(1, 100.0)
    assert bench.remaining == 0.0
    running = asyncio.create_task(bench.run(Sevenfold(), ROW))
    await turns()

    assert 99.0 < bench.remaining <= 100.0
    await hands.go()
    await running
    assert bench.remaining == 0.0


async def test_an_abandoned_call_ends_here_and_goes_on_there(bench: Runner, hands: Hands) -> None:
    bench.abandon()
    running = asyncio.create_task(bench.run(Sevenfold(), ROW))
    await turns()

    bench.abandon()
    bench.abandon()

    with pytest.raises(Abandoned):
        await running
    assert (hands.threads[0].closed, bench.stuck) == (True, False)
    hands.threads[0].go()
    await run(bench, Sevenfold(), hands)
    assert len(hands.threads) == 2


async def test_what_was_left_behind_still_says_how_long_it_took(
    bench: Runner, hands: Hands, cost: list[float]
) -> None:
    cost[:] = [0.5, 0.4]
    running = asyncio.create_task(bench.run(Sevenfold(), ROW))
    await turns()
    bench.abandon()
    with pytest.raises(Abandoned):
        await running

    hands.threads[0].go()

    assert bench.latency.seconds(1) == pytest.approx(0.5)


async def test_what_breaks_the_thread_itself_is_told(bench: Runner, hands: Hands) -> None:
    running = asyncio.create_task(bench.run(Sevenfold(), ROW))
    await turns()

    hands.threads[0].break_down(KeyboardInterrupt())

    assert isinstance((await running).error, KeyboardInterrupt)


async def test_closed_it_has_no_thread(bench: Runner, hands: Hands) -> None:
    bench.close()
    await run(bench, Sevenfold(), hands)
    bench.close()

    assert hands.threads[0].closed
