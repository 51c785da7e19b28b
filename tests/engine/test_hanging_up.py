"""A caller may leave at any moment; neither his neighbours nor the lane notice."""

from __future__ import annotations

import asyncio
import random

import pytest

from inference.engine.local import LocalEngine
from tests.engine.crowd import Hands, Sevenfold, Slip, job, turns, values


async def test_a_caller_that_hangs_up_before_the_start_is_not_predicted(
    engine: LocalEngine, hands: Hands
) -> None:
    model, ticket = Sevenfold(), Slip()
    engine.submit(job(model, 1))
    await turns()
    leaves = engine.submit(job(model, 2, ticket=ticket))
    stays = engine.submit(job(model, 3))
    leaves.cancel()

    await hands.go(times=2)

    assert values(await stays) == [21]
    assert model.batches == [[1], [3]]
    assert ticket.outcomes == []


async def test_a_caller_that_hangs_up_while_it_runs_does_not_hurt_its_neighbours(
    engine: LocalEngine, hands: Hands
) -> None:
    model, ticket = Sevenfold(), Slip()
    leaves = engine.submit(job(model, 1, ticket=ticket))
    stays = engine.submit(job(model, 2))
    await turns()
    leaves.cancel()

    await hands.go()

    assert values(await stays) == [14]
    assert len(ticket.outcomes) == 1, "its rows have run, so they are logged"


async def test_a_task_that_is_cancelled_while_it_waits_cancels_nobody_elses_work(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()

    async def ask(n: int) -> list[float]:
        return values(await engine.submit(job(model, n)))

    tasks = [asyncio.create_task(ask(n)) for n in range(4)]
    await turns()
    tasks[1].cancel()
    await hands.go()

    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [each for each in done if not isinstance(each, BaseException)] == [[0], [14], [21]]
    assert isinstance(done[1], asyncio.CancelledError)


@pytest.mark.parametrize("seed", range(5))
async def test_half_of_all_callers_hang_up_at_random(live: LocalEngine, seed: int) -> None:
    dice, model = random.Random(seed), Sevenfold()

    async def ask(n: int) -> None:
        answer = live.submit(job(model, n, n + 0.5))
        if dice.random() < 0.5:
            asyncio.get_running_loop().call_soon(answer.cancel)
        assert values(await answer) == [7 * n, 7 * n + 3.5]

    done = []
    for start in range(0, 300, 30):
        done += await asyncio.gather(
            *(ask(n) for n in range(start, start + 30)), return_exceptions=True
        )

    left = [each for each in done if isinstance(each, asyncio.CancelledError)]
    assert set(done) - set(left) == {None}
    assert 100 < len(left) < 200


async def test_after_a_burst_of_abandoned_calls_normal_load_is_served(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    engine.submit(job(model, 1))
    await turns()
    for answer in [engine.submit(job(model, n)) for n in range(16)]:
        answer.cancel()

    answers = [engine.submit(job(model, n)) for n in range(100, 116)]
    await hands.go(times=3)

    assert [values(await answer) for answer in answers] == [[7 * n] for n in range(100, 116)]
    assert sum(map(len, model.batches)) == 17


async def test_a_queue_of_nothing_but_abandoned_jobs_is_no_batch(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    engine.submit(job(model, 1)).cancel()
    await turns()

    answer = engine.submit(job(model, 2))
    await hands.go()

    assert values(await answer) == [14]
    assert model.batches == [[2]]
