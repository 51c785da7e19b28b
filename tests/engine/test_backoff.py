"""Whoever fails comes back later each time, and not all at the same moment."""

from __future__ import annotations

import asyncio

from inference.engine.backoff import Backoff


def test_each_pause_is_up_to_twice_as_long_but_not_without_end() -> None:
    for _ in range(50):
        pauses = Backoff(1.0, 5.0)
        for longest in (1.0, 2.0, 4.0, 5.0, 5.0):
            assert longest / 2 <= pauses.seconds() < longest


def test_what_worked_begins_anew() -> None:
    pauses = Backoff(1.0, 8.0)
    for _ in range(5):
        pauses.seconds()
    pauses.reset()

    assert pauses.seconds() < 1.0


def test_chance_keeps_many_apart() -> None:
    assert len({Backoff().seconds() for _ in range(100)}) > 50


async def test_a_pause_takes_its_time() -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    await Backoff(0.02, 0.02).pause()

    assert loop.time() - before >= 0.009
