"""Frames leave in order, and whoever does not take them is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consumers import outbox
from consumers.outbox import MOST_WAITING, Outbox


class Reader:
    """Takes what is sent to it while it is `taking`."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.credits: list[int] = []
        self.taking = asyncio.Event()
        self.taking.set()

    async def send(self, message: Any) -> None:
        await self.taking.wait()
        self.taken.append(message.get("text", message.get("bytes")))


@asynccontextmanager
async def running(reader: Reader) -> AsyncIterator[Outbox]:
    box = Outbox(reader.send, reader.credits.append)
    task = asyncio.ensure_future(box.run())
    yield box
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_frames_leave_in_order_each_as_what_it_is() -> None:
    reader = Reader()
    async with running(reader) as box:
        for frame in ("one", b"two", "three"):
            box.put(frame)
        await box.empty()

    assert reader.taken == ["one", b"two", "three"]


async def test_a_credit_comes_back_when_its_frame_has_left() -> None:
    reader = Reader()
    reader.taking.clear()
    async with running(reader) as box:
        box.put("hello")
        box.put("answer", credit=1)
        await asyncio.sleep(0)
        assert reader.credits == []
        reader.taking.set()
        await box.empty()

    assert reader.credits == [1]


async def test_more_than_so_many_characters_leave_no_room_until_half_has_left() -> None:
    reader = Reader()
    reader.taking.clear()
    async with running(reader) as box:
        for _ in range(3):
            box.put("x" * (MOST_WAITING // 2))
        assert box.full
        reader.taking.set()
        await box.room()

        assert not box.full
        assert len(box) == 0


async def test_who_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SEND_SECONDS", 0.01)
    reader = Reader()
    reader.taking.clear()
    box = Outbox(reader.send, reader.credits.append)
    box.put("never")

    with pytest.raises(TimeoutError):
        await box.run()


async def test_who_has_nothing_to_take_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SEND_SECONDS", 0.01)
    reader = Reader()
    async with running(reader) as box:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        box.put("late")
        await box.empty()

    assert reader.taken == ["late"]


async def test_what_nobody_will_take_is_forgotten() -> None:
    box = Outbox(Reader().send, lambda _: None)
    box.put("x" * MOST_WAITING)

    box.clear()

    assert len(box) == 0
