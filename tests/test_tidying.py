"""What models leave behind is given back, once for all that are let go together."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import weakref
from unittest import mock

from asgi_project import tidying
from asgi_project.tidying import Tidying


class Left:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


async def test_it_is_done_once_for_several_and_again_for_later_ones() -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    with (
        mock.patch.object(tidying, "PAUSE", 0.0),
        mock.patch.object(tidying, "trim", side_effect=lambda: loop.call_soon_threadsafe(done.set)),
    ):
        left = weakref.ref(Left())
        tidy = Tidying()
        tidy.soon()
        tidy.soon()
        async with asyncio.timeout(5):
            await done.wait()
        assert left() is None
        assert tidying.trim.call_count == 1  # type: ignore[attr-defined]  # a mock
        done.clear()
        tidy.soon()
        async with asyncio.timeout(5):
            await done.wait()


async def test_after_a_stop_nothing_is_done() -> None:
    with mock.patch.object(gc, "collect") as collect:
        tidy = Tidying()
        tidy.soon()
        tidy.stop()
        await asyncio.sleep(0)
    collect.assert_not_called()


def test_where_there_is_no_such_call_nothing_is_given_back() -> None:
    with mock.patch.object(ctypes, "CDLL", side_effect=OSError):
        assert tidying.trim() is False
    assert tidying.trim() in {True, False}
