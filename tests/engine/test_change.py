"""Whoever waits for a fact is woken by changes, and by his deadline."""

from __future__ import annotations

import asyncio
from functools import partial

from inference.engine.change import Change
from tests.engine.crowd import turns


async def test_what_is_so_is_not_waited_for() -> None:
    assert await Change().until(lambda: True, 0.0)


async def test_everybody_looks_again_at_each_change_and_stays_until_it_is_so() -> None:
    change, facts = Change(), set[str]()
    so = [partial(facts.__contains__, fact) for fact in "ab"]
    waiting = [asyncio.create_task(change.until(fact)) for fact in so]
    await turns()

    change.happened()
    facts.add("a")
    change.happened()
    await turns()

    assert [task.done() for task in waiting] == [True, False]
    facts.add("b")
    change.happened()
    assert await waiting[1]


async def test_the_deadline_comes_first_when_nothing_changes() -> None:
    change = Change()
    now = asyncio.get_running_loop().time()

    assert not await change.until(lambda: False, now + 0.01)
    change.happened()


async def test_one_who_left_does_not_disturb_the_change() -> None:
    change = Change()
    waiting = asyncio.create_task(change.until(lambda: False))
    await turns()
    waiting.cancel()

    change.happened()
    await turns()

    assert waiting.cancelled()
