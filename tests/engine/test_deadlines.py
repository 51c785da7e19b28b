"""Nobody waits longer than he said he would, or without being let in."""

from __future__ import annotations

import asyncio

import pytest

from inference.core.errors import DeadlineExceeded, Overloaded
from inference.core.types import LogMode
from inference.engine.local import LocalEngine
from tests.engine.crowd import Hands, Ledger, Sevenfold, job, turns, values


async def test_over_the_bound_the_answer_is_quick_and_says_when_to_come_back(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    engine.submit(job(model, 1))
    await turns()
    for n in range(16):
        engine.submit(job(model, n))

    with pytest.raises(Overloaded) as refusal:
        engine.submit(job(model, 99))

    assert refusal.value.retry_after == 1.0
    stats = engine.stats().lanes["sevenfold"]
    assert (stats.refused, stats.queue_rows, stats.running_rows) == (1, 16, 1)


async def test_a_lone_job_larger_than_the_queue_is_taken(engine: LocalEngine, hands: Hands) -> None:
    answer = engine.submit(job(Sevenfold(), *range(40)))
    await hands.go()

    assert len(values(await answer)) == 40


async def test_a_deadline_that_has_passed_is_told_at_once(engine: LocalEngine) -> None:
    with pytest.raises(DeadlineExceeded):
        engine.submit(job(Sevenfold(), 1, patience=-0.1))


async def test_deadlines_hold_in_the_queue_and_in_the_model(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    running = engine.submit(job(model, 1, patience=0.02))
    neighbour = engine.submit(job(model, 2))
    await turns()
    queued = engine.submit(job(model, 3, patience=0.01))

    with pytest.raises(DeadlineExceeded, match="in the queue"):
        await queued
    with pytest.raises(DeadlineExceeded, match="before the model answered"):
        await running
    await hands.go()

    assert values(await neighbour) == [14]
    assert model.batches == [[1, 2]]
    assert engine.stats().lanes["sevenfold"].expired == 2


async def test_the_deadline_holds_while_the_log_is_written(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    answer = engine.submit(job(Sevenfold(), 1, patience=0.02, mode=LogMode.STRICT))
    await hands.go("weir-sevenfold")

    with pytest.raises(DeadlineExceeded, match="before its log row was written"):
        await answer
    await hands.go("weir-log")

    assert len(ledger.written) == 1


async def test_a_model_that_hangs_is_left_behind_when_nobody_waits_any_more(
    engine: LocalEngine, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    model = Sevenfold()
    hung = engine.submit(job(model, 1, patience=0.01))
    with pytest.raises(DeadlineExceeded):
        await hung
    await turns()
    (told,) = caplog.records
    assert (told.levelname, told.exc_info) == ("WARNING", None)
    assert "sevenfold" in told.getMessage()

    answer = engine.submit(job(model, 2))
    await turns()
    first, second = hands.threads
    second.go()

    assert values(await answer) == [14]
    first.go()
    await turns()
    assert engine.stats().healthy
    assert engine.stats().lanes["sevenfold"].dropped == 1


async def usual(engine: LocalEngine, hands: Hands, model: Sevenfold, seconds: float) -> None:
    """A lane that knows its model to take so long."""
    answer = engine.submit(job(model, 0))
    await hands.go()
    await answer
    (lane,) = engine._lanes.values()
    for _ in range(20):
        lane._runner.latency.observe(1, seconds)


async def test_a_call_that_takes_no_longer_than_usual_is_waited_for(
    engine: LocalEngine, hands: Hands
) -> None:
    """Those who are in a hurry must not make a slow model look like one that hangs."""
    model = Sevenfold()
    await usual(engine, hands, model, 5.0)
    with pytest.raises(DeadlineExceeded):
        await engine.submit(job(model, 1, patience=0.01))
    answer = engine.submit(job(model, 2))
    await hands.go(times=2)

    assert values(await answer) == [14]
    assert len(hands.threads) == 1
    assert engine.stats().healthy


async def test_a_call_that_takes_much_longer_than_usual_is_left_behind(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    await usual(engine, hands, model, 5.0)
    with pytest.raises(DeadlineExceeded):
        await engine.submit(job(model, 1, patience=0.01))
    await asyncio.sleep(20)

    answer = engine.submit(job(model, 2))
    await turns()
    hands.threads[1].go()

    assert values(await answer) == [14]


async def test_a_lane_whose_threads_all_hang_says_so_and_keeps_its_deadlines(
    engine: LocalEngine, hands: Hands
) -> None:
    for n in range(4):
        with pytest.raises(DeadlineExceeded):
            await engine.submit(job(Sevenfold(), n, patience=0.01))
    await turns()

    assert len(hands.threads) == 3
    assert not engine.stats().healthy
    hands.threads[0].alive = False
    assert engine.stats().healthy


async def test_a_flood_is_refused_one_by_one(engine: LocalEngine, hands: Hands) -> None:
    model = Sevenfold()
    engine.submit(job(model, 1))
    await turns()
    for n in range(16):
        engine.submit(job(model, n))
    for _ in range(50):
        with pytest.raises(Overloaded):
            engine.submit(job(model, 99))

    assert engine.stats().lanes["sevenfold"].refused == 50
