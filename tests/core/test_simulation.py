"""The whole core in virtual time: thousands of seeded afternoons of one lane, nobody harmed.

The lane here is the smallest shell there can be: it waits for the next event, asks the core, obeys.
Each seed draws another model (its speed, the rows it cannot bear, how long it is down altogether)
and another crowd (bursts, bulk jobs, the impatient, those who hang up).
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from inference.core.admission import Admission, Ahead
from inference.core.batching import BatchPolicy, Window
from inference.core.bisection import Bisection, Span
from inference.core.errors import Overloaded
from inference.core.latency import LatencyModel
from inference.core.precedence import Level

SEEDS = 2000
CHUNK = 100
# The first few in every run of the tests, all of them in CI.
CHUNKS = [
    pytest.param(first, marks=[pytest.mark.slow] if first >= 3 * CHUNK else [])
    for first in range(0, SEEDS, CHUNK)
]
POISON = -1
LARGEST = 60


@dataclass(eq=False)
class Job:
    """`values` are its rows; an answer is the value times seven, or "poison"."""

    values: list[int]
    deadline: float
    gone: bool = False
    hurried: bool = False
    level: Level = Level.USUAL
    fates: list[object] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def right(self) -> list[object]:
        return ["poison" if value == POISON else value * 7 for value in self.values]

    def settle(self, fate: object) -> None:
        self.fates.append(fate)
        self.gone = True


class Afternoon:
    """One seed. `fates` of every job must end with exactly one entry."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.policy = BatchPolicy(self.dice.choice([1, 8, 32]), self.dice.choice([40, 100]))
        self.window: Window[Job] = Window(self.policy)
        self.latency = LatencyModel()
        self.admission = Admission(self.policy, self.latency)
        self.per_row, self.base = self.dice.choice([0.0, 0.01, 0.1]), self.dice.choice([0.01, 0.5])
        down = self.dice.uniform(0, 20)
        self.down = (down, down + self.dice.choice([0, 0, 3]))
        self.now = 0.0
        self.busy_until: float | None = None
        self.jobs: list[Job] = []
        self.order: list[int] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._ids), what))

    def run(self) -> None:
        for _ in range(self.dice.randint(1, 25)):
            when, burst = self.dice.uniform(0, 20), self.dice.choice([1, 1, 1, 6])
            for _ in range(burst):
                self.at(when, self.arrive)
        while self._events:
            self.now, _, what = heapq.heappop(self._events)
            what()
            # A job larger than the queue is let into an empty one, and then nobody else is.
            assert self.window.rows <= max(self.policy.max_queue_rows, LARGEST)
            assert self.busy_until is not None or not len(self.window), "idle while somebody waits"

    def arrive(self) -> None:
        rows = self.dice.choice([1, 1, 1, 1, 3, 10, LARGEST])
        bad = self.dice.choice([0.0, 0.0, 0.1, 1.0])
        values = [
            POISON if self.dice.random() < bad else self.dice.randrange(10**6) for _ in range(rows)
        ]
        job = Job(values, self.now + self.dice.choice([0.05, 1.0, 25.0]))
        self.jobs.append(job)
        running = max(0.0, self.busy_until - self.now) if self.busy_until is not None else 0.0
        patience = job.deadline - self.now
        refusal = self.admission.refusal(job.rows, Ahead(self.window.rows, running), patience, 0.0)
        if refusal is not None:
            job.settle(refusal)
            return
        self.window.add(job)
        self.at(job.deadline, lambda: self.expire(job))
        if self.dice.random() < 0.2:
            self.at(self.now + self.dice.expovariate(2.0), lambda: self.hang_up(job))
        if self.busy_until is None:
            self.next_batch()

    def hang_up(self, job: Job) -> None:
        if not job.gone:
            job.settle("hung up")

    def expire(self, job: Job) -> None:
        for late in self.window.expired(self.now):
            if not late.gone:
                late.settle("late in the queue")
        if not job.gone:
            job.settle("late in the model")

    def next_batch(self) -> None:
        self.busy_until = None
        taken = self.window.take(self.now, self.latency)
        for job in taken.dropped:
            if not job.gone:
                job.settle("late in the queue")
        if not taken.batch:
            return
        rows = sum(job.rows for job in taken.batch)
        assert rows <= self.policy.max_rows or len(taken.batch) == 1
        self.order += [self.jobs.index(job) for job in taken.batch]
        Run(self, taken.batch).go_on()


class Run:
    """One batch under way: tried as a whole, and by halves if it fails."""

    def __init__(self, afternoon: Afternoon, batch: list[Job]) -> None:
        self.afternoon = afternoon
        self.batch = batch
        self.values = [value for job in batch for value in job.values]
        self.answers: list[object] = [None] * len(self.values)
        self.plan = Bisection(len(self.values))

    def go_on(self) -> None:
        span = self.plan.next()
        if span is None:
            self.hand_out()
            return
        seconds = self.afternoon.base + self.afternoon.per_row * (span.stop - span.start)
        self.afternoon.busy_until = self.afternoon.now + seconds
        self.afternoon.at(self.afternoon.busy_until, lambda: self.verdict(span, seconds))

    def verdict(self, span: Span, seconds: float) -> None:
        part = self.values[span.start : span.stop]
        begin, end = self.afternoon.down
        if POISON not in part and not begin <= self.afternoon.now < end:
            self.afternoon.latency.observe(len(part), seconds)
            self.answers[span.start : span.stop] = [value * 7 for value in part]
        elif self.plan.failed(span):
            self.answers[span.start] = "poison"
        self.go_on()

    def hand_out(self) -> None:
        start = 0
        for job in self.batch:
            stop = start + job.rows
            if not job.gone:
                job.settle(self.answers[start:stop])
            start = stop
        self.afternoon.next_batch()


def check(job: Job, *, model_was_down: bool) -> None:
    assert len(job.fates) == 1, job.fates
    fate = job.fates[0]
    if isinstance(fate, list) and not model_was_down:
        assert fate == job.right
    elif isinstance(fate, list):
        pairs = zip(fate, job.right, strict=True)
        assert all(got in (right, "poison") for got, right in pairs), "another's answer"
    elif isinstance(fate, Overloaded):
        assert fate.retry_after is not None
        assert 0.05 <= fate.retry_after <= 30.0


@pytest.mark.timeout(30)
@pytest.mark.parametrize("first", CHUNKS)
def test_every_job_is_settled_once_and_rightly(first: int) -> None:
    for seed in range(first, first + CHUNK):
        afternoon = Afternoon(seed)
        try:
            afternoon.run()
            begin, end = afternoon.down
            for job in afternoon.jobs:
                check(job, model_was_down=begin < end)
            assert afternoon.order == sorted(afternoon.order), "somebody overtook"
            assert not len(afternoon.window)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


def test_the_seeds_meet_everything_that_can_happen() -> None:
    fates: set[str] = set()
    for seed in range(CHUNK):
        afternoon = Afternoon(seed)
        afternoon.run()
        for job in afternoon.jobs:
            fate = job.fates[0]
            fates.add("poisoned" if isinstance(fate, list) and "poison" in fate else _kind(fate))

    assert fates == {
        "answered", "poisoned", "refused", "hung up", "late in the queue", "late in the model",
    }  # fmt: skip


def _kind(fate: object) -> str:
    if isinstance(fate, str):
        return fate
    return "refused" if isinstance(fate, Overloaded) else "answered"
