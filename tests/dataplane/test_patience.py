"""Reading that takes too long is cut; nothing else notices."""

from __future__ import annotations

import asyncio

import pytest

from inference.core.errors import TooSlow
from inference.dataplane.patience import Patience


async def test_quick_readers_are_left_alone() -> None:
    patience = Patience(0.05)
    for _ in range(3):
        with patience:
            await asyncio.sleep(0)


async def test_a_slow_reader_is_cut_and_its_task_lives_on() -> None:
    patience = Patience(0.05)
    with pytest.raises(TooSlow), patience:
        await asyncio.Event().wait()
    await asyncio.sleep(0)  # not cancelled any more


async def test_only_the_slow_one_is_cut() -> None:
    patience, finished = Patience(0.05), asyncio.Event()

    async def slow() -> None:
        with patience:
            await asyncio.Event().wait()

    async def quick() -> None:
        with patience:
            await asyncio.sleep(0)
        finished.set()

    results = await asyncio.gather(slow(), quick(), return_exceptions=True)
    assert isinstance(results[0], TooSlow)
    assert finished.is_set()


async def test_a_cancellation_by_somebody_else_stays_one() -> None:
    patience = Patience(60)

    async def reading() -> None:
        with patience:
            await asyncio.Event().wait()

    task = asyncio.ensure_future(reading())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_inside_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError), Patience(60):
        raise ZeroDivisionError
