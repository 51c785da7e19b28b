"""An exception at any step of the lane costs at most what was in that step; nobody ever hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import isnan

import pytest

from inference.core import tensors
from inference.core.batching import BatchPolicy, Window
from inference.core.errors import ModelUnavailable, WeirError
from inference.core.latency import LatencyModel
from inference.core.types import LogMode
from inference.engine import desk, rescue, runner, serving, supervisor
from inference.engine.base import BatchReport
from inference.engine.commit import GroupCommit
from inference.engine.counters import Counters
from inference.engine.lane import Lane
from inference.engine.local import LocalEngine
from inference.engine.pieces import Pieces
from tests.engine.crowd import POISON, Hands, Ledger, Sevenfold, Slip, job, turns, values

# Where the exception is thrown, and on which of its calls.
STEPS = {
    "take": (Window, "take"),
    "join": (tensors, "concat"),
    "look at the forecast": (LatencyModel, "seconds"),
    "start a thread": (runner.Runner, "_call_thread"),
    "predict": (Sevenfold, "predict"),
    "learn": (LatencyModel, "observe"),
    "doubt": (serving, "doubtful"),
    "cut": (serving, "shares"),
    "make the outcome": (serving, "Outcome"),
    "search": (Pieces, "passed"),
    "settle": (Slip, "settle"),
    "hand to the log": (GroupCommit, "add"),
    "write": (Ledger, "write"),
    "write at all": (rescue, "_trouble"),
    "hand out": (desk.Desk, "hand_out"),
    "count": (Counters, "ran"),
    "report": (serving.Serving, "_report"),
}


ONE_OF_OURS = {"model_rejected_row", "model_unavailable", "storage_unavailable"}


def throw_once(monkeypatch: pytest.MonkeyPatch, where: object, name: str, error: Exception) -> None:
    real = getattr(where, name)
    thrown: list[Exception] = []

    def step(*arguments: object, **options: object) -> object:
        if not thrown:
            thrown.append(error)
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(where, name, step)


async def outcome_of(engine: LocalEngine, *row: float) -> str:
    """What a caller gets: "answered", or the code of his error."""
    try:
        answer = engine.submit(job(Sevenfold(), *row, mode=LogMode.STRICT))
    except (RuntimeError, MemoryError, ValueError):
        # The slip was at the door, and in the open.
        return "refused"
    try:
        outcome = await asyncio.wait_for(answer, 4)
    except WeirError as error:
        return error.code
    answered = [value for value in values(outcome) if not isnan(value)]
    assert answered == [7 * value for value in row if value != POISON]
    return "answered"


@pytest.mark.parametrize("error", [RuntimeError("slip"), MemoryError(), ValueError("slip")])
@pytest.mark.parametrize("step", STEPS)
async def test_a_slip_at_any_step_neither_stops_the_lane_nor_hangs_anybody(
    step: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.0)
    ledger, reports = Ledger(), list[BatchReport]()
    engine = LocalEngine(
        BatchPolicy(max_rows=8), GroupCommit(ledger.write), observer=reports.append
    )
    throw_once(monkeypatch, *STEPS[step], error)

    first = await asyncio.gather(*(outcome_of(engine, n) for n in range(4)))
    await turns()
    poisoned = await outcome_of(engine, 4, POISON)
    await turns()
    second = await asyncio.gather(*(outcome_of(engine, n) for n in range(20)))

    assert set(first) <= {"answered", "refused", "model_error", *ONE_OF_OURS}
    assert poisoned in ("answered", "model_error")
    assert second == ["answered"] * 20
    stats = engine.stats()
    assert stats.healthy
    assert stats.lanes["sevenfold"].queue_rows == 0
    assert await engine.drain(asyncio.get_running_loop().time() + 4)
    await engine.close()


async def test_an_observer_that_raises_is_only_an_observer() -> None:
    def look(report: BatchReport) -> None:
        raise RuntimeError("no eyes")

    engine = LocalEngine(BatchPolicy(), observer=look)

    assert values(await engine.submit(job(Sevenfold(), 1))) == [7]
    assert engine.stats().lanes["sevenfold"].restarts == 0
    await engine.close()


async def test_the_observer_is_told_of_each_batch(hands: Hands) -> None:
    reports: list[BatchReport] = []
    engine = LocalEngine(BatchPolicy(), observer=reports.append, thread=hands)
    engine.submit(job(Sevenfold(), 1, 2))
    engine.submit(job(Sevenfold(), POISON))

    await hands.go(times=5)

    (report,) = reports
    assert (report.key, report.jobs, report.rows, report.errors) == ("sevenfold", 2, 3, 1)
    assert report.queue_seconds > 0.0
    assert report.compute_seconds > 0.0
    await engine.close()


async def test_the_observer_sees_what_came_out(hands: Hands) -> None:
    reports: list[BatchReport] = []
    engine = LocalEngine(BatchPolicy(), observer=reports.append, thread=hands)
    engine.submit(job(Sevenfold(), 1, 2))
    await hands.go()
    engine.submit(job(Sevenfold(), 3, POISON, 4))
    engine.submit(job(Sevenfold(), 5))

    await hands.go(times=5)

    seen = [(r.inputs[0][:, 0].tolist(), r.outputs[0][:, 0].tolist()) for r in reports]
    assert seen == [([1, 2], [7, 14]), ([3, 4, 5], [21, 28, 35])]
    await engine.close()


async def test_where_nothing_came_out_the_observer_sees_nothing(hands: Hands) -> None:
    reports: list[BatchReport] = []
    engine = LocalEngine(BatchPolicy(), observer=reports.append, thread=hands)
    engine.submit(job(Sevenfold(), POISON))

    await hands.go()

    assert [(report.errors, report.outputs) for report in reports] == [(1, ())]
    await engine.close()


def task_of(engine: LocalEngine, key: str = "sevenfold") -> asyncio.Task[None]:
    task = engine._lanes[key]._supervisor._task
    assert task is not None
    return task


async def test_when_the_lane_dies_everybody_who_waits_is_told_and_it_lives_again(
    engine: LocalEngine, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.0)
    model = Sevenfold()
    logging = engine.submit(job(model, 0, mode=LogMode.STRICT))
    await hands.go("weir-sevenfold")
    running = engine.submit(job(model, 1))
    await turns()
    queued = engine.submit(job(model, 2))

    task_of(engine).cancel()
    await turns(2)

    for answer in (running, queued):
        with pytest.raises(ModelUnavailable):
            answer.result()
    assert engine.stats().lanes["sevenfold"].restarts == 1
    await hands.go("weir-log")
    assert values(logging.result()) == [0], "what has run is the log's to answer"

    after = engine.submit(job(model, 3))
    await hands.go("weir-sevenfold", times=2)
    assert values(after.result()) == [21]


async def test_a_dead_lane_is_unhealthy_and_says_so_at_the_door(
    engine: LocalEngine, hands: Hands
) -> None:
    answer = engine.submit(job(Sevenfold(), 1))
    await turns()
    task_of(engine).cancel()
    await turns(2)

    assert not engine.stats().healthy
    with pytest.raises(ModelUnavailable) as refusal:
        engine.submit(job(Sevenfold(), 2))

    assert refusal.value.retry_after == 1.0
    with pytest.raises(ModelUnavailable):
        await answer


async def test_a_lane_that_dies_idle_wakes_for_the_next_job(
    engine: LocalEngine, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.0)
    engine.submit(job(Sevenfold(), 1))
    await hands.go()
    task_of(engine).cancel()
    await turns()

    answer = engine.submit(job(Sevenfold(), 2))
    await hands.go()

    assert values(await answer) == [14]


async def test_a_job_that_comes_just_as_its_lane_is_cancelled_is_told(
    engine: LocalEngine, hands: Hands
) -> None:
    engine.submit(job(Sevenfold(), 1))
    await hands.go()
    task_of(engine).cancel()

    answer = engine.submit(job(Sevenfold(), 2))
    await turns()

    with pytest.raises(ModelUnavailable):
        answer.result()


async def test_a_late_answer_for_a_lane_that_died_is_dropped(
    engine: LocalEngine, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.0)
    ticket = Slip()
    answer = engine.submit(job(Sevenfold(), 1, ticket=ticket))
    await turns()
    task_of(engine).cancel()
    await turns()

    await hands.go()

    assert ticket.outcomes == []
    with pytest.raises(ModelUnavailable):
        answer.result()


async def test_a_log_that_does_not_even_take_tickets_is_told_to_those_who_wait(
    engine: LocalEngine, log: GroupCommit, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no thread")

    monkeypatch.setattr(log, "add", refuse)
    strict = engine.submit(job(Sevenfold(), 1, mode=LogMode.STRICT))
    fast = engine.submit(job(Sevenfold(), 2, mode=LogMode.FAST))
    await hands.go()

    with pytest.raises(WeirError, match="could not be logged"):
        strict.result()
    assert values(fast.result()) == [14]
    assert engine.stats().lanes["sevenfold"].unlogged == 1


@pytest.mark.parametrize(
    "ending", [SystemExit(1), asyncio.CancelledError(), ZeroDivisionError(), OSError()]
)
@pytest.mark.parametrize("inline", [False, True])
async def test_whatever_a_model_raises_is_its_own_failure(
    ending: BaseException, inline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Sevenfold(inline_ok=inline)
    engine = LocalEngine(BatchPolicy())
    await engine.submit(job(model, 1))

    def end(*_: object) -> None:
        raise ending

    monkeypatch.setattr(model, "predict", end)
    outcome = await engine.submit(job(model, 2))
    monkeypatch.undo()

    assert outcome.outputs is None
    assert [error.code for error in outcome.errors.values()] == ["model_error"]
    assert values(await engine.submit(job(model, 3))) == [21]
    assert engine.stats().lanes["sevenfold"].restarts == 0
    await engine.close()


def test_every_step_named_here_exists() -> None:
    steps: list[Callable[..., object]] = [getattr(where, name) for where, name in STEPS.values()]

    assert all(callable(step) for step in steps)
    assert callable(Lane.submit)
