"""Order is kept, nothing is lost, no batch is too large or kept waiting for company."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core.batching import BatchPolicy, Window
from inference.core.latency import LatencyModel
from inference.core.precedence import Level

POLICY = BatchPolicy(max_rows=10, max_queue_rows=100)


@dataclass(eq=False)
class Job:
    name: str
    rows: int = 1
    deadline: float = inf
    gone: bool = False
    hurried: bool = False
    level: Level = Level.USUAL

    def __repr__(self) -> str:
        return self.name


def window(*jobs: Job) -> Window[Job]:
    waiting: Window[Job] = Window(POLICY)
    for job in jobs:
        waiting.add(job)
    return waiting


def names(jobs: list[Job]) -> str:
    return " ".join(job.name for job in jobs)


def learnt(per_row: float, base: float = 0.0) -> LatencyModel:
    latency = LatencyModel()
    for rows in (1, 100) * 10:
        latency.observe(rows, base + rows * per_row)
    return latency


UNKNOWN = LatencyModel()
A_SECOND_A_ROW = learnt(1.0)


@pytest.mark.parametrize(
    ("jobs", "latency", "batch", "dropped"),
    [
        pytest.param([], UNKNOWN, "", "", id="nobody"),
        pytest.param([Job("a"), Job("b")], UNKNOWN, "a b", "", id="all that wait"),
        pytest.param(
            [Job("a", 6), Job("b", 4), Job("c", 1)], UNKNOWN, "a b", "", id="up to the cap"
        ),
        pytest.param(
            [Job("a", 6), Job("b", 5), Job("c", 1)], UNKNOWN, "a", "", id="nobody overtakes"
        ),
        pytest.param([Job("a", 40), Job("b")], UNKNOWN, "a", "", id="the oversized alone"),
        pytest.param([Job("a"), Job("b", 40)], UNKNOWN, "a", "", id="the oversized next"),
        pytest.param(
            [Job("a", gone=True), Job("b"), Job("c", gone=True)],
            UNKNOWN, "b", "a c", id="without those gone",
        ),
        pytest.param(
            [Job("a", deadline=5.0), Job("b"), Job("c", deadline=4.0)],
            UNKNOWN, "b", "a c", id="without the late",
        ),
        pytest.param(
            [Job("a", 1), Job("b", 10, gone=True), Job("c", 9)],
            UNKNOWN, "a c", "b", id="those gone take no room",
        ),
        pytest.param(
            [Job("a", 2, deadline=8.0), Job("b", 1), Job("c", 1)],
            A_SECOND_A_ROW, "a b", "", id="no more than the tightest deadline allows",
        ),
        pytest.param(
            [Job("a", 2), Job("b", 1, deadline=7.5), Job("c", 1)],
            A_SECOND_A_ROW, "a", "", id="a deadline that company would break leaves without it",
        ),
        pytest.param(
            [Job("a", 4, deadline=7.0), Job("b", 5)],
            A_SECOND_A_ROW, "a b", "", id="one that is lost anyway shrinks nobody's batch",
        ),
    ],
)  # fmt: skip
def test_the_batch_at_five_oclock(
    jobs: list[Job], latency: LatencyModel, batch: str, dropped: str
) -> None:
    taken = window(*jobs).take(5.0, latency)

    assert (names(taken.batch), names(taken.dropped)) == (batch, dropped)


def test_the_batch_grows_while_the_model_is_busy() -> None:
    waiting = window(Job("a"))
    assert names(waiting.take(0.0, UNKNOWN).batch) == "a"

    waiting.add(Job("b"))
    waiting.add(Job("c"))

    assert names(waiting.take(1.0, UNKNOWN).batch) == "b c"


def test_expired_takes_out_the_late_wherever_they_stand() -> None:
    waiting = window(Job("a", 2), Job("b", 3, deadline=1.0), Job("c", 4), Job("d", 5, deadline=2.0))

    assert names(waiting.expired(1.5)) == "b"
    assert waiting.rows == 11
    assert names(waiting.expired(1.5)) == ""


def test_sweep_takes_out_those_nobody_waits_for() -> None:
    waiting = window(Job("a", gone=True), Job("b"), Job("c", 7, gone=True))

    assert names(waiting.sweep()) == "a c"
    assert (len(waiting), waiting.rows) == (1, 1)


def test_clear_forgets_everybody() -> None:
    waiting = window(Job("a"), Job("b"))

    waiting.clear()

    assert (len(waiting), waiting.rows) == (0, 0)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 25), st.floats(0.0, 30.0)),
        st.tuples(st.just("leave"), st.integers(0, 10)),
        st.tuples(st.just("take")),
        st.tuples(st.just("expired")),
        st.tuples(st.just("sweep")),
    ),
    max_size=60,
)


class Journal:
    """Drives a window by drawn steps and keeps what became of each job."""

    def __init__(self, latency: LatencyModel) -> None:
        self.window: Window[Job] = Window(POLICY)
        self.latency = latency
        self.now = 0.0
        self.came: list[Job] = []
        self.ran: list[Job] = []
        self.dropped: list[Job] = []

    def add(self, rows: int, patience: float) -> None:
        job = Job(str(len(self.came)), rows, self.now + patience)
        self.came.append(job)
        self.window.add(job)

    def leave(self, index: int) -> None:
        if index < len(self.came):
            self.came[index].gone = True

    def take(self) -> None:
        taken = self.window.take(self.now, self.latency)
        rows = sum(job.rows for job in taken.batch)
        assert rows <= POLICY.max_rows or len(taken.batch) == 1
        assert not any(job.gone or job.deadline <= self.now for job in taken.batch)
        assert all(job.gone or job.deadline <= self.now for job in taken.dropped)
        self.ran += taken.batch
        self.dropped += taken.dropped

    def expired(self) -> None:
        late = self.window.expired(self.now)
        assert all(job.deadline <= self.now for job in late)
        self.dropped += late

    def sweep(self) -> None:
        gone = self.window.sweep()
        assert all(job.gone for job in gone)
        self.dropped += gone


@given(steps, st.sampled_from([0.0, 0.1, 3.0]))
def test_order_is_kept_nothing_is_lost_and_rows_are_counted(
    drawn: list[tuple[str, *tuple[float, ...]]], per_row: float
) -> None:
    journal = Journal(learnt(per_row, base=0.05) if per_row else UNKNOWN)
    for step, *arguments in drawn:
        journal.now += 0.5
        getattr(journal, step)(*arguments)
        settled = {*journal.ran, *journal.dropped}
        assert journal.window.rows == sum(j.rows for j in journal.came if j not in settled)

    while len(journal.window):
        journal.take()

    assert journal.ran == sorted(journal.ran, key=journal.came.index)
    assert sorted(journal.ran + journal.dropped, key=journal.came.index) == journal.came
    assert journal.window.rows == 0


class Careful(Window[Job]):
    """Never takes the short cut."""

    def _all_fit(self, now: float, latency: LatencyModel) -> bool:
        return False


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0.1, 20.0), st.booleans()), max_size=12))
def test_the_usual_case_is_answered_as_one_by_one_would(
    drawn: list[tuple[int, float, bool]],
) -> None:
    def jobs() -> list[Job]:
        return [Job(str(i), *each) for i, each in enumerate(drawn)]

    quick, slow = window(*jobs()), Careful(POLICY)
    for job in jobs():
        slow.add(job)
    latency = learnt(0.5)

    while len(slow):
        one, other = quick.take(0.0, latency), slow.take(0.0, latency)
        assert names(one.batch) == names(other.batch)
        assert {job.name for job in one.dropped} == {job.name for job in other.dropped}
    assert not len(quick)


jobs_in_a_hurry = st.lists(
    st.builds(
        Job,
        st.just("x"),
        rows=st.integers(1, 12),
        deadline=st.sampled_from([1.0, inf]),
        gone=st.booleans(),
        hurried=st.booleans(),
        level=st.sampled_from(Level),
    ),
    max_size=20,
)


@given(
    jobs_in_a_hurry, st.lists(st.sampled_from(["take", "expired", "sweep", "clear"]), max_size=5)
)
def test_rows_in_a_hurry_are_those_of_the_jobs_that_wait(jobs: list[Job], steps: list[str]) -> None:
    waiting = window(*jobs)
    for step in ["", *steps]:
        if step == "take":
            waiting.take(2.0, UNKNOWN)
        elif step == "expired":
            waiting.expired(2.0)
        elif step:
            getattr(waiting, step)()
        assert waiting.rows == sum(job.rows for job in waiting._waiting)
        assert waiting.hurried == sum(job.rows for job in waiting._waiting if job.hurried)
        levels = [job.level for job in waiting._waiting]
        assert levels == sorted(levels)
        assert waiting._first == levels.count(Level.FIRST)
        assert waiting._last == levels.count(Level.LAST)


def test_within_a_level_the_oldest_goes_first() -> None:
    first, usual, last = Level
    said = [("a", usual), ("b", last), ("c", first), ("d", usual), ("e", first), ("f", last)]
    waiting = window(*[Job(name, 4, level=level) for name, level in said])

    taken = [waiting.take(0.0, UNKNOWN).batch for _ in range(3)]

    assert [names(batch) for batch in taken] == ["c e", "a d", "b f"]


def test_all_that_fit_leave_together_whatever_their_level() -> None:
    waiting = window(Job("a", level=Level.LAST), Job("b"), Job("c", level=Level.FIRST))

    assert len(waiting.take(0.0, UNKNOWN).batch) == 3
    waiting.add(Job("d"))
    assert names(waiting.take(0.0, UNKNOWN).batch) == "d"
