"""A synchronous view waits for the loop, but not for ever."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from inference.api import loop
from inference.core.errors import DeadlineExceeded, Overloaded
from tests.loop import Loop


def server(running: Loop, deadline: float) -> Any:
    return SimpleNamespace(loop=running.loop, limits=SimpleNamespace(deadline=deadline))


async def answer() -> int:
    return 7


async def refusal() -> int:
    raise Overloaded


def test_the_answer_or_the_refusal_comes_through() -> None:
    with Loop() as running:
        assert loop.wait(server(running, 5), answer()) == 7
        with pytest.raises(Overloaded):
            loop.wait(server(running, 5), refusal())


def test_a_loop_that_says_nothing_is_given_up_and_what_was_asked_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "_GRACE", 0.0)

    async def never() -> None:
        await asyncio.Event().wait()

    with Loop() as running:
        with pytest.raises(DeadlineExceeded):
            loop.wait(server(running, 0.01), never())
        assert running.run(_others()) == 0


async def _others() -> int:
    """Tasks that still run, but for this one; a cancelled one needs a turn to end."""
    for _ in range(3):
        await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1
