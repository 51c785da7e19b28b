"""What goes to challengers after the answer, and what is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from inference import shadowing
from inference.core.errors import ModelError, Overloaded
from inference.core.precedence import Level
from inference.core.routing import Algorithm, Arm
from inference.core.rows import ValueRows
from inference.core.tickets import Context, Part, Served
from inference.core.types import Job, LogMode, Outcome
from inference.shadowing import Mirrored, Shadowing
from tests.inference.gateways import FOREST, Echo, served

ARM = Arm(2, Algorithm(5, "challenger", "2", "ab_testing"), 1)


ONE = served(FOREST, Echo(FOREST.id))


class Somewhere:
    """Takes jobs and gives no answer by itself."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.answers: list[asyncio.Future[Outcome]] = []
        self.full = False

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        if self.full:
            raise Overloaded("no room", retry_after=1.0)
        self.jobs.append(job)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def part(rows: int = 1) -> Part:
    records = ValueRows([{"a": 1.0}] * rows)
    context = Context(records, "ada", LogMode.STRICT, datetime.now(UTC), table=True)
    return Part(ONE, None, range(rows), list(range(7, 7 + rows)), context)


def known(algorithm_id: int) -> Served | None:
    return ONE if algorithm_id == ARM.algorithm.id else None


async def answered(shadows: Shadowing, of: Part, arms: Sequence[Arm] = (ARM,)) -> None:
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    shadows.follow(of, tuple(arms), done)
    done.set_result(None)
    await asyncio.sleep(0)


async def test_an_input_goes_to_the_challenger_once_it_is_answered() -> None:
    engine = Somewhere()
    shadows = Shadowing(engine.submit, known)
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    shadows.follow(part(), (ARM,), done)
    assert engine.jobs == []

    done.set_result(None)
    await asyncio.sleep(0)

    (job,) = engine.jobs
    mirror = job.ticket
    assert isinstance(mirror, Part)
    assert (job.level, job.mode) == (Level.LAST, LogMode.STRICT)
    assert (mirror.ids, mirror.arm, mirror.context.shadow) == ([7], ARM, True)
    assert (mirror.context.subject, mirror.context.table) == ("ada", False)
    assert shadows.mirrored == Mirrored(rows=1)


@pytest.mark.parametrize("how", ["failed", "cancelled"])
async def test_what_was_not_answered_goes_to_nobody(how: str) -> None:
    engine = Somewhere()
    shadows = Shadowing(engine.submit, known)
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    shadows.follow(part(), (ARM,), done)
    done.cancel() if how == "cancelled" else done.set_exception(ModelError("no"))
    await asyncio.sleep(0)

    assert engine.jobs == []
    assert shadows.mirrored == Mirrored()


async def test_after_a_refusal_nothing_is_mirrored_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Somewhere()
    shadows = Shadowing(engine.submit, known)
    shadows.strained()
    await answered(shadows, part(3))
    assert (engine.jobs, shadows.mirrored) == ([], Mirrored(shed=3))

    monkeypatch.setattr(shadowing, "RELIEF", -1.0)
    shadows.strained()
    await answered(shadows, part())
    assert len(engine.jobs) == 1


async def test_no_more_than_so_many_rows_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadowing, "MOST_ROWS", 4)
    engine = Somewhere()
    shadows = Shadowing(engine.submit, known)
    for _ in range(2):
        await answered(shadows, part(3))
    assert (len(engine.jobs), shadows.mirrored) == (1, Mirrored(rows=3, shed=3))

    engine.answers[0].set_result(Outcome(None))
    await asyncio.sleep(0)
    await answered(shadows, part(3))
    assert len(engine.jobs) == 2


async def test_a_challenger_without_room_or_without_a_model_is_left_out() -> None:
    engine = Somewhere()
    shadows = Shadowing(engine.submit, known)
    engine.full = True
    await answered(shadows, part())
    engine.full = False
    await answered(shadows, part(), [Arm(3, Algorithm(6, "not loaded", "1", "ab_testing"), 1)])

    assert (engine.jobs, shadows.mirrored) == ([], Mirrored(shed=2))


async def test_a_challenger_that_fails_has_mirrored_nothing() -> None:
    engine = Somewhere()
    shadows = Shadowing(engine.submit, known)
    await answered(shadows, part(2))
    engine.answers[0].set_exception(ModelError("it broke"))
    await asyncio.sleep(0)

    assert shadows.mirrored == Mirrored(shed=2)
