"""Of each topic the newest leaves, all else in its order, and a slow reader is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consumers import mailbox
from consumers.mailbox import Mailbox

TEST, RESULTS = "experiment:7", "results:income"


class Line:
    """A client who reads when he is let."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.read.append(message["text"])


@asynccontextmanager
async def running(box: Mailbox) -> AsyncIterator[None]:
    writer = asyncio.ensure_future(box.run())
    try:
        yield
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


async def test_only_the_newest_of_a_topic_reaches_who_is_slow() -> None:
    line = Line()
    box = Mailbox(line.send)
    for number in range(100):
        box.tell(TEST, f"test {number}")
        box.tell(RESULTS, f"results {number}")

    async with running(box), asyncio.timeout(5):
        await box.empty()

    assert line.read == ["test 99", "results 99"]


async def test_what_is_said_leaves_in_its_order_and_before_what_is_told() -> None:
    line = Line()
    box = Mailbox(line.send)
    box.tell(TEST, "told")
    box.say("first")
    box.say("second")

    async with running(box), asyncio.timeout(5):
        await box.empty()

    assert line.read == ["first", "second", "told"]


async def test_what_is_told_of_a_held_topic_waits() -> None:
    line = Line()
    box = Mailbox(line.send)
    box.hold(TEST)
    box.tell(TEST, "after the first snapshot")

    async with running(box), asyncio.timeout(5):
        box.say("hello")
        await box.empty()
        assert line.read == ["hello"]
        box.say("the first snapshot")
        box.let_go(TEST)
        await box.empty()

    assert line.read == ["hello", "the first snapshot", "after the first snapshot"]


async def test_what_was_forgotten_does_not_leave() -> None:
    line = Line()
    box = Mailbox(line.send)
    box.tell(TEST, "told")
    box.forget(TEST)
    box.say("said")

    async with running(box), asyncio.timeout(5):
        await box.empty()

    assert line.read == ["said"]


async def test_who_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "SEND_SECONDS", 0.01)
    line = Line()
    line.reads.clear()
    box = Mailbox(line.send)
    box.say("said")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await box.run()
