"""A loop that ends, by whatever cause, is reported and runs again, slower each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference.engine import supervisor
from inference.engine.supervisor import Supervisor
from tests.engine.crowd import turns


class Patient:
    """Lives until told how to die."""

    def __init__(self) -> None:
        self.lives = 0
        self.deaths = 0
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def live(self) -> None:
        self.lives += 1
        self.end = asyncio.get_running_loop().create_future()
        await self.end

    def died(self) -> None:
        self.deaths += 1


@pytest.fixture
async def patient() -> Patient:
    return Patient()


@pytest.fixture
async def care(patient: Patient) -> AsyncIterator[Supervisor]:
    care = Supervisor("patient", patient.live, patient.died)
    await turns()
    yield care
    care.stop()


@pytest.mark.parametrize("how", ["returns", "raises", "is cancelled"])
async def test_it_lives_again_however_it_ended(
    patient: Patient, care: Supervisor, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care, "_pause", 0.0)
    assert care.alive

    if how == "returns":
        patient.end.set_result(None)
    elif how == "raises":
        patient.end.set_exception(RuntimeError("slip"))
    else:
        assert care._task is not None
        care._task.cancel()
    await turns(3)

    assert (patient.deaths, care.restarts) == (1, 1)
    await asyncio.sleep(0.001)
    assert (patient.lives, care.alive) == (2, True)


async def test_deaths_in_a_row_are_mended_ever_later_until_it_is_well(
    patient: Patient, care: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(care._loop, "call_later", lambda pause, start: pauses.append(pause))

    for _ in range(9):
        patient.end.set_exception(RuntimeError("again"))
        await turns()
        assert not care.alive
        care._start()
        await turns()
    care.well()
    patient.end.set_result(None)
    await turns()

    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, supervisor.FIRST_PAUSE]


async def test_stopped_it_stays_so(patient: Patient, care: Supervisor) -> None:
    care.stop()
    await turns()
    care.stop()

    assert (patient.deaths, care.alive, patient.end.cancelled()) == (0, False, True)


async def test_stopped_while_dead_it_is_not_started_again(
    patient: Patient, care: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care, "_pause", 0.005)
    patient.end.set_exception(RuntimeError("slip"))
    await turns()

    care.stop()
    await asyncio.sleep(0.02)

    assert patient.lives == 1
