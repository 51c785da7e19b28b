"""The engine itself in virtual time: thousands of seeded afternoons in which all goes wrong.

Each seed draws two models (one short, one slow; rows they cannot bear, times when they are down,
calls that never return), a log (tickets it cannot write, times of outage), and a crowd (bursts,
bulk jobs, the impatient, those who hang up); lanes are killed and models retired meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import pytest

from inference.core.batching import BatchPolicy
from inference.core.errors import WeirError
from inference.core.tensors import Tensors
from inference.core.types import Job, LogMode, Outcome, Ticket
from inference.engine import commit, desk, door, isolation, lane, rescue, runner, serving
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from tests.engine.crowd import Slip
from tests.engine.virtual import Clock, VirtualLoop, VirtualThread

SEEDS = 2000
CHUNK = 100
# The first few in every run of the tests, all of them in CI.
CHUNKS = [
    pytest.param(first, marks=[pytest.mark.slow] if first >= 3 * CHUNK else [])
    for first in range(0, SEEDS, CHUNK)
]
LARGEST = 20
QUEUE = 16
RAISES, NO_NUMBER, TOO_FEW = -1.0, -2.0, -3.0
CODES = {
    RAISES: "model_rejected_row",
    NO_NUMBER: "model_output_invalid",
    TOO_FEW: "model_output_invalid",
}
DAY = 20.0


class Model:
    """Seven times its input, at a price per batch and row; some values it cannot bear."""

    def __init__(self, key: str, clock: Clock, dice: random.Random, price: Sequence[float]) -> None:
        self.key = key
        self.free_form = False
        self.inline_ok = dice.random() < 0.5
        self._clock = clock
        self._base, self._per_row = price
        begin = dice.uniform(0, DAY)
        self.down = (begin, begin + dice.choice([0, 0, 0, 2]))

    def predict(self, tensors: Tensors) -> Tensors:
        matrix = np.asarray(tensors[0], dtype=np.float64)
        self._clock.spent += self._base + self._per_row * len(matrix)
        if self.down[0] <= self._clock() < self.down[1]:
            raise RuntimeError("down")
        if (matrix == RAISES).any():
            raise ValueError("unbearable")
        output = np.where(matrix == NO_NUMBER, np.nan, matrix * 7.0)
        return (output[1:] if (matrix == TOO_FEW).any() else output,)


class Log:
    """Writes at a price; some tickets never, and none at all while it is out."""

    def __init__(self, clock: Clock, dice: random.Random) -> None:
        self.written: set[Ticket] = set()
        self.unwritable: set[Ticket] = set()
        self._clock = clock
        self._price = dice.choice([0.001, 0.2])
        begin = dice.uniform(0, DAY)
        self._out = (begin, begin + dice.choice([0, 0, 1]))
        self.easy = self._price < 0.1 and self._out[0] == self._out[1]

    def write(self, tickets: Sequence[Ticket]) -> None:
        self._clock.spent += self._price
        if self._out[0] <= self._clock() < self._out[1] or self.unwritable.intersection(tickets):
            raise OSError("not written")
        assert not self.written.intersection(tickets), "written twice"
        self.written.update(tickets)


class Caller:
    """One job, and what became of it."""

    def __init__(self, afternoon: Afternoon, model: Model) -> None:
        dice = afternoon.dice
        self.afternoon = afternoon
        self.ticket = Slip()
        self.mode = dice.choice(list(LogMode))
        rows = dice.choice([1, 1, 1, 1, 2, 5, LARGEST])
        bad = dice.choice([0.0, 0.0, 0.0, 0.0, 0.2, 1.0])
        self.values = [
            dice.choice(list(CODES)) if dice.random() < bad else float(dice.randrange(10**6))
            for _ in range(rows)
        ]
        self.patience = dice.choice([0.03, 1.0, 25.0])
        self.leaves_after = dice.expovariate(1.0) if dice.random() < 0.2 else None
        self.model = model
        self.fates: list[Outcome | str] = []

    async def call(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        matrix = np.array(self.values).reshape(-1, 1)
        job = Job(self.model, (matrix,), deadline, self.mode, self.ticket)
        try:
            answer = self.afternoon.engine.submit(job)
            if self.leaves_after is not None:
                loop.call_later(self.leaves_after, answer.cancel)
            outcome = await answer
        except asyncio.CancelledError:
            self.fates.append("left")
        except WeirError as error:
            self.fates.append(error.code)
        else:
            self.fates.append(outcome)
            assert self.mode is not LogMode.STRICT or self.ticket in self.afternoon.log.written
        assert loop.time() <= deadline + 0.01, "told after the deadline"

    def check(self) -> None:
        (fate,) = self.fates
        assert len(self.ticket.outcomes) <= 1
        if isinstance(fate, str):
            # Where nothing is slow, nobody who has a second to spare waits in vain.
            easy = self.afternoon.easy and self.model.key == "short" and self.patience >= 1.0
            assert not easy or fate != "deadline_exceeded"
            return
        assert self.ticket.outcomes == [fate]
        for row, value in enumerate(self.values):
            self.check_row(fate, row, value)

    def check_row(self, outcome: Outcome, row: int, value: float) -> None:
        error = outcome.errors.get(row)
        if error is None:
            assert outcome.outputs is not None
            assert outcome.outputs[0][row, 0] == value * 7.0, "another's answer"
            return
        was_down = self.model.down[0] < self.model.down[1]
        assert error.row == row
        assert error.code == CODES.get(value) or (was_down and error.code == "model_error")
        assert outcome.outputs is None or np.isnan(outcome.outputs[0][row, 0])


class Afternoon:
    """One seed."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.dice = dice = random.Random(seed)
        self.log = Log(clock, dice)
        self.hangs = dice.choice([0.0, 0.0, 0.0, 0.05])
        commit = GroupCommit(
            self.log.write, max_rows=20, thread=lambda _: VirtualThread(clock, dice, 0.0)
        )
        self.engine = LocalEngine(
            BatchPolicy(dice.choice([1, 4, 16]), QUEUE),
            commit,
            thread=lambda _: VirtualThread(clock, dice, self.hangs),
        )
        short = Model("short", clock, dice, (0.00001, 0.000001))
        slow = Model("slow", clock, dice, dice.choice([(0.05, 0.0), (0.0, 0.02), (0.4, 0.01)]))
        self.models = [short, slow]
        self.easy = self.log.easy and not self.hangs
        self.callers: list[Caller] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def pass_by(self) -> None:
        loop, dice = asyncio.get_running_loop(), self.dice
        began = loop.time()
        for model in self.models:
            model.down = (model.down[0] + began, model.down[1] + began)
        for _ in range(dice.randint(1, 8)):
            at, model = began + dice.uniform(0, DAY), dice.choice(self.models)
            for _ in range(dice.choice([1, 1, 1, 6])):
                caller = Caller(self, model)
                self.callers.append(caller)
                if dice.random() < 0.05:
                    self.log.unwritable.add(caller.ticket)
                loop.call_at(at, self.begin, caller)
            loop.call_at(at, self.look)
        for what in dice.sample([self.kill, self.retire], dice.choice([0, 0, 1, 2])):
            loop.call_at(began + dice.uniform(0, DAY), what)
        await asyncio.sleep(DAY)
        drained = await self.engine.drain(loop.time() + 60)
        await asyncio.gather(*self.tasks)
        assert drained or self.hangs
        await self.finish()

    def begin(self, caller: Caller) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(caller.call()))

    def look(self) -> None:
        for stats in self.engine.stats().lanes.values():
            assert stats.queue_rows <= max(QUEUE, LARGEST)

    def kill(self) -> None:
        for each in self.engine._lanes.values():
            if each._supervisor._task is not None:
                each._supervisor._task.cancel()

    def retire(self) -> None:
        loop = asyncio.get_running_loop()
        for key in list(self.engine._lanes):
            self.tasks.append(loop.create_task(self.retired(key)))

    async def retired(self, key: Hashable) -> None:
        await self.engine.retire(key, asyncio.get_running_loop().time() + 5)

    async def finish(self) -> None:
        stats = self.engine.stats()
        for each in self.engine._lanes.values():
            assert all(waiter.gone for waiter in each._open)
        assert all(each.queue_rows == 0 for each in stats.lanes.values())
        assert stats.log is not None
        assert stats.log.waiting_rows == 0
        await self.engine.close()
        for caller in self.callers:
            caller.check()


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    # What goes wrong is told by the thousand; here only what it does to callers counts.
    logging.disable(logging.CRITICAL)
    yield loop
    logging.disable(logging.NOTSET)
    loop.close()


@pytest.fixture
def clock(loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(loop)
    for module in (commit, desk, door, isolation, lane, rescue, runner, serving):
        monkeypatch.setattr(module, "monotonic", clock)
    monkeypatch.setattr(runner, "thread_time", clock)
    return clock


@pytest.mark.timeout(60)
@pytest.mark.parametrize("first", CHUNKS)
def test_every_caller_is_told_once_rightly_and_in_time(
    loop: VirtualLoop, clock: Clock, first: int
) -> None:
    for seed in range(first, first + CHUNK):
        try:
            loop.run_until_complete(Afternoon(seed, clock).pass_by())
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.timeout(60)
def test_the_seeds_meet_everything_that_can_happen(loop: VirtualLoop, clock: Clock) -> None:
    fates: dict[str, int] = {}
    for seed in range(2 * CHUNK):
        afternoon = Afternoon(seed, clock)
        loop.run_until_complete(afternoon.pass_by())
        for caller in afternoon.callers:
            (fate,) = caller.fates
            name = fate if isinstance(fate, str) else "poisoned" if fate.errors else "answered"
            fates[name] = fates.get(name, 0) + 1

    assert set(fates) == {
        "answered", "poisoned", "left", "overloaded", "deadline_exceeded", "model_unavailable",
        "storage_unavailable",
    }  # fmt: skip
    assert min(fates.values()) > 5
