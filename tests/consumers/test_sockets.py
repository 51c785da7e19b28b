"""So many and no more; who lost his pass is shown out; in the end all say goodbye."""

from __future__ import annotations

import asyncio

import pytest

from consumers import sockets
from consumers.doors import Pass
from consumers.sockets import Sockets
from inference.core.errors import Draining, Overloaded, Unauthorized, WeirError


class Socket:
    """Notes what is asked of it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.version = 1
        self.trouble = trouble
        self.looked = asyncio.Event()
        self.expelled: asyncio.Future[WeirError] = asyncio.get_running_loop().create_future()
        self.drained = asyncio.Event()
        self.slow = False
        self.passed = Pass(lambda: self.version, self._look)

    async def _look(self) -> None:
        self.looked.set()
        if self.trouble is not None:
            raise self.trouble

    async def drain(self) -> None:
        if self.slow:
            await asyncio.Event().wait()
        self.drained.set()

    async def expel(self, error: WeirError) -> None:
        self.expelled.set_result(error)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "LOOK_SECONDS", 0.001)


async def test_there_is_room_for_so_many_and_again_when_one_leaves() -> None:
    room = Sockets()
    room.most = 2
    first, second, third = Socket(), Socket(), Socket()
    room.enter(first)
    room.enter(second)

    with pytest.raises(Overloaded) as caught:
        room.enter(third)
    room.leave(first)
    room.leave(first)
    room.enter(third)

    assert caught.value.retry_after == 5.0
    assert len(room) == 2


async def test_a_draining_process_takes_nobody() -> None:
    room = Sockets()
    await room.drain(1.0)

    with pytest.raises(Draining):
        room.enter(Socket())


async def test_all_say_goodbye_and_the_slow_are_not_waited_for() -> None:
    room = Sockets()
    quick, slow = Socket(), Socket()
    slow.slow = True
    room.enter(quick)
    room.enter(slow)

    async with asyncio.timeout(5):
        await room.drain(0.05)

    assert quick.drained.is_set()
    assert not slow.drained.is_set()


@pytest.mark.usefixtures("quick")
async def test_who_lost_his_pass_is_shown_out_and_the_others_stay() -> None:
    room = Sockets()
    good, broken, bad = Socket(), Socket(RuntimeError("no database")), Socket(Unauthorized())
    for each in (good, broken, bad):
        room.enter(each)
        each.version += 1

    async with asyncio.timeout(5):
        assert isinstance(await bad.expelled, Unauthorized)
        await good.looked.wait()
        await broken.looked.wait()

    assert not good.expelled.done()
    assert not broken.expelled.done()
    for each in (good, broken, bad):
        room.leave(each)


@pytest.mark.usefixtures("quick")
async def test_nobody_watches_an_empty_room_and_somebody_the_next_guest() -> None:
    room = Sockets()
    first, second = Socket(), Socket(Unauthorized())
    room.enter(first)
    watching = room._watching
    room.leave(first)
    assert watching is not None
    async with asyncio.timeout(5):
        await watching
        room.enter(second)
        second.version += 1
        assert isinstance(await second.expelled, Unauthorized)
    room.leave(second)
