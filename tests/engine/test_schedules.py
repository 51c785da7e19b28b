"""Two senders, two workers and one Redis, whose connections are cut again and again: seeded days.

Each seed draws when callers come, how many rows they bring, who hangs up, when everything is cut,
when Redis loses all it has, and when a worker ends without a word.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from inference.engine import lookout, pulse, quarantine
from inference.engine.remote import RemoteEngine
from tests.engine.pair import Log, Worker, job, models, part, said, sending, until, working
from tests.inference.gateways import FOREST, Echo
from tests.queues import Server

JOBS = 300
CUTS = 6
# One in every run of the tests, all of them in CI.
SEEDS = [pytest.param(seed, marks=[pytest.mark.slow] if seed else []) for seed in range(12)]


class Day:
    """One seed."""

    def __init__(self, seed: int, server: Server) -> None:
        self.dice = random.Random(seed)
        self.server = server
        self.log = Log()
        self.answered = 0
        self.left = 0

    async def pass_by(self) -> None:
        place = self.server.place
        async with (
            working(place, models(Echo(FOREST.id)), self.log) as one,
            working(place, models(Echo(FOREST.id)), self.log) as other,
            sending(place) as web,
            sending(place) as second,
        ):
            callers = [
                asyncio.ensure_future(self.call(self.dice.choice([web, second])))
                for _ in range(JOBS)
            ]
            mischief = asyncio.ensure_future(self.mischief(other))
            await asyncio.gather(*callers)
            await mischief
            await until(lambda: not (len(web._book) or len(second._book)), seconds=20.0)
            await until(lambda: not (len(one.pump.hand) or place.ids(place.keys.jobs(FOREST.id))))

    async def call(self, engine: RemoteEngine) -> None:
        dice = self.dice
        await asyncio.sleep(dice.uniform(0, 1.5))
        values = [dice.randrange(10**6) / 10**6 for _ in range(dice.choice([1, 1, 1, 2, 7]))]
        ticket = part(*values)
        answer = engine.submit(job(ticket, patience=30.0))
        if dice.random() < 0.1:
            asyncio.get_running_loop().call_later(dice.uniform(0, 0.02), answer.cancel)
        try:
            await answer
        except asyncio.CancelledError:
            self.left += 1
            return
        assert said(ticket) == values, "another's answer"
        assert all(request_id in self.log.rows for request_id in ticket.ids), "not logged"
        self.answered += 1

    async def mischief(self, mortal: Worker) -> None:
        dice = self.dice
        deeds: list[Callable[[], None]] = [self.server.hang_up] * CUTS
        deeds.insert(dice.randrange(CUTS), self.flush)
        dies_at = dice.randrange(len(deeds))
        for number, deed in enumerate(deeds):
            await asyncio.sleep(dice.uniform(0, 0.4))
            deed()
            if number == dies_at:
                await mortal.die()

    def flush(self) -> None:
        """Everything but the heartbeats, without which nobody would be let in for a second."""
        for key in list(self.server.place.client.scan_iter()):
            if key != self.server.place.keys.workers.encode():
                self.server.place.client.delete(key)


@pytest.mark.parametrize("seed", SEEDS)
async def test_each_job_is_answered_once_with_its_own_value_and_logged_once(
    server: Server, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "LOOK", 0.05)
    monkeypatch.setattr(quarantine, "LOOK", 0.05)
    monkeypatch.setattr(quarantine, "DEAD_AFTER", 1000)
    monkeypatch.setattr(pulse, "INTERVAL", 0.2)
    day = Day(seed, server)

    await day.pass_by()

    assert day.answered + day.left == JOBS
    assert day.answered > JOBS * 0.8
