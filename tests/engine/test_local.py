"""Whoever submits a job gets his rows, from batches nobody had to wait for."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest

from inference.core.batching import BatchPolicy
from inference.core.errors import ModelUnavailable, RowInvalid
from inference.core.precedence import Level
from inference.core.tensors import Tensors
from inference.core.types import Job, LogMode, Outcome
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from tests.engine.crowd import POISON, Does, Hands, Ledger, Sevenfold, Slip, job, turns, values


async def test_a_lone_job_is_answered(engine: LocalEngine, hands: Hands) -> None:
    ticket = Slip()
    answer = engine.submit(job(Sevenfold(), 1, 2, ticket=ticket))

    await hands.go()

    outcome = await answer
    assert values(outcome) == [7, 14]
    assert (outcome.errors, outcome.batch_rows) == ({}, 2)
    assert ticket.outcomes == [outcome]


async def test_an_idle_lane_starts_at_once_and_those_of_one_turn_share(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    answers = [engine.submit(job(model, n)) for n in (1, 2, 3)]

    await hands.go()

    assert model.batches == [[1, 2, 3]]
    assert [values(await answer) for answer in answers] == [[7], [14], [21]]


async def test_what_arrives_while_the_model_is_busy_is_the_next_batch(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    engine.submit(job(model, 1))
    await turns()
    engine.submit(job(model, 2))
    await turns()
    engine.submit(job(model, 3, 4))

    await hands.go(times=2)

    assert model.batches == [[1], [2, 3, 4]]


async def test_no_batch_is_larger_than_the_policy_but_a_job_that_is_runs_alone(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    bulk = engine.submit(job(model, *range(12)))
    await turns()
    for n in range(1, 4):
        engine.submit(job(model, n, n, n))

    await hands.go(times=3)

    assert [len(batch) for batch in model.batches] == [12, 6, 3]
    assert values(await bulk) == [7 * n for n in range(12)]


async def test_who_is_to_go_first_does_and_his_batch_is_filled_by_the_oldest(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    engine.submit(job(model, 0))
    await turns()
    levels = [Level.LAST, Level.USUAL, Level.FIRST, Level.USUAL]
    for n, level in enumerate(levels, 1):
        engine.submit(replace(job(model, *[n] * 3), level=level))

    await hands.go(times=3)

    assert model.batches == [[0], [3, 3, 3, 2, 2, 2], [4, 4, 4, 1, 1, 1]]


async def test_each_model_has_its_lane(engine: LocalEngine, hands: Hands) -> None:
    slow, quick = Sevenfold("slow"), Sevenfold("quick")
    waits = engine.submit(job(slow, 1))
    answer = engine.submit(job(quick, 2))

    await hands.go("weir-quick")

    assert values(await answer) == [14]
    assert not waits.done()


async def test_jobs_that_do_not_fit_each_other_share_no_batch(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    narrow = engine.submit(job(model, 1))
    wide = job(model, 2)
    wide.tensors = (np.array([[2.0, 3.0]]),)
    single = job(model, 4)
    single.tensors = (np.array([[4.0]], dtype=np.float32),)
    answers = [narrow, engine.submit(wide), engine.submit(single), engine.submit(job(model, 5))]

    await hands.go(times=3)

    assert [values(await answer) for answer in answers] == [[7], [14], [28], [35]]
    assert model.batches == [[1, 5], [2], [4]]


@pytest.mark.parametrize("tensors", [(), (np.ones((0, 2)),), (np.ones((2, 1)), np.ones((3, 1)))])
async def test_a_job_without_rows_or_of_two_minds_about_them_is_refused(
    engine: LocalEngine, tensors: Tensors
) -> None:
    crooked = job(Sevenfold(), 1)
    crooked.tensors = tensors

    with pytest.raises(RowInvalid):
        engine.submit(crooked)


async def test_several_arrays_in_and_out_stay_together(engine: LocalEngine, hands: Hands) -> None:
    model = Does(lambda tensors: (tensors[1] + 1, tensors[0] + 2))
    pairs = [job(model, 1), job(model, 2)]
    for n, pair in enumerate(pairs):
        pair.tensors = (np.full((2, 1), n), np.full((2, 3), 10 * n))
    answers = [engine.submit(pair) for pair in pairs]

    await hands.go()

    outputs = [(await answer).outputs for answer in answers]
    assert [[array.tolist() for array in arrays or ()] for arrays in outputs] == [
        [[[1, 1, 1]] * 2, [[2]] * 2],
        [[[11, 11, 11]] * 2, [[3]] * 2],
    ]


async def test_a_slow_model_blocks_neither_the_loop_nor_other_lanes(live: LocalEngine) -> None:
    release, entered = threading.Event(), threading.Event()

    def block(tensors: Tensors) -> Tensors:
        entered.set()
        assert release.wait(10)
        return tensors

    slow = live.submit(job(Does(block, key="slow"), 1))
    assert await asyncio.to_thread(entered.wait, 10)
    for n in range(20):
        outcome = await live.submit(job(Sevenfold("quick", inline_ok=True), n))
        assert values(outcome) == [7 * n]
    assert not slow.done()
    release.set()

    assert values(await slow) == [1]


async def test_short_batches_run_on_the_loop_itself(live: LocalEngine) -> None:
    threads: list[int] = []

    def note(tensors: Tensors) -> Tensors:
        threads.append(threading.get_ident())
        return tensors

    model = Does(note, inline_ok=True)
    for n in range(5):
        await live.submit(job(model, n))

    here = threading.get_ident()
    assert [thread == here for thread in threads] == [False, True, True, True, True]


async def test_strict_answers_through_real_threads_are_all_written() -> None:
    ledger = Ledger()
    engine = LocalEngine(BatchPolicy(max_rows=16), GroupCommit(ledger.write))
    model = Sevenfold(inline_ok=True)

    async def ask(n: int) -> Outcome:
        ticket = Slip()
        outcome = await engine.submit(job(model, n, mode=LogMode.STRICT, ticket=ticket))
        assert ticket in ledger.written
        return outcome

    outcomes = await asyncio.gather(*(ask(n) for n in range(100)))

    assert [values(outcome) for outcome in outcomes] == [[7 * n] for n in range(100)]
    assert len(ledger.written) == 100
    assert await engine.drain(asyncio.get_running_loop().time() + 5)
    await engine.close()
    assert engine.stats().log is not None


async def test_a_model_that_says_it_is_unavailable_blames_no_row(
    engine: LocalEngine, hands: Hands
) -> None:
    def closed(tensors: Tensors) -> Tensors:
        raise ModelUnavailable("unloaded", retry_after=3.0)

    model = Does(closed)
    answers = [engine.submit(job(model, n)) for n in range(4)]
    await hands.go()

    for answer in answers:
        with pytest.raises(ModelUnavailable, match="unloaded") as caught:
            await answer
        assert caught.value.retry_after == 3.0
    assert len(model.batches) == 1


async def test_a_model_that_goes_away_while_a_row_is_searched_for_ends_the_search(
    engine: LocalEngine, hands: Hands
) -> None:
    def leaving(tensors: Tensors) -> Tensors:
        if len(model.batches) == 3:
            raise ModelUnavailable("gone", retry_after=1.0)
        return tensors if len(model.batches) == 2 else (tensors[0][:0],)

    model = Does(leaving)
    answers = [engine.submit(job(model, n)) for n in range(4)]
    await hands.go(times=3)

    assert [values(await answer) for answer in answers[:2]] == [[0], [1]]
    for answer in answers[2:]:
        with pytest.raises(ModelUnavailable, match="gone"):
            await answer
    assert [len(batch) for batch in model.batches] == [4, 2, 2]


async def test_the_stats_count_what_happened(engine: LocalEngine, hands: Hands) -> None:
    model = Sevenfold()
    answers = [engine.submit(job(model, *row, mode=LogMode.STRICT)) for row in ([1], [POISON, 2])]
    await hands.go("weir-sevenfold", times=5)
    await hands.go("weir-log", times=2)
    await asyncio.gather(*answers)

    stats = engine.stats()
    lane = stats.lanes["sevenfold"]
    assert (lane.predictions, lane.batches, lane.errors, lane.batch_rows) == (3, 1, 1, 3.0)
    assert (lane.queue_rows, lane.running_rows, lane.restarts, lane.healthy) == (0, 0, 0, True)
    assert lane.latency is not None
    assert 0.0 < lane.latency[0] <= lane.latency[1] <= lane.latency[2]
    assert stats.log is not None
    assert (stats.log.written, stats.log.failed, stats.log.waiting_rows) == (2, 0, 0)
    assert stats.healthy


async def test_an_outcome_tells_how_long_it_waited_and_ran(
    engine: LocalEngine, hands: Hands
) -> None:
    before = monotonic()
    answer = engine.submit(job(Sevenfold(), 1))
    await hands.go()

    outcome = await answer
    elapsed = monotonic() - before
    assert 0.0 < outcome.queue_seconds < elapsed
    assert 0.0 < outcome.compute_seconds < elapsed


def test_a_job_knows_itself_by_identity() -> None:
    one, other = (Job(Sevenfold(), (), 0.0, LogMode.OFF, Slip()) for _ in range(2))

    assert one != other
