"""Calls are made one after another elsewhere, and each is answered on the loop, once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from inference.engine.thread import Thread


async def call(thread: Thread, work: Callable[[], object]) -> object:
    answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def then(result: object, error: BaseException | None) -> None:
        if error is None:
            answer.set_result((result, threading.current_thread().name))
        else:
            answer.set_result(error)

    thread.call(work, then)
    return await asyncio.wait_for(answer, 4)


async def test_work_is_done_elsewhere_and_told_here() -> None:
    thread = Thread("elsewhere")

    told = await call(thread, lambda: threading.current_thread().name)

    assert told == ("elsewhere", threading.current_thread().name)
    thread.close()


@pytest.mark.parametrize(
    "error", [ValueError("no"), StopIteration(), SystemExit(3), KeyboardInterrupt()]
)
async def test_what_is_raised_is_told_and_the_thread_goes_on(error: BaseException) -> None:
    thread = Thread("elsewhere")

    def fail() -> None:
        raise error

    assert await call(thread, fail) is error
    assert await call(thread, lambda: 7) == (7, threading.current_thread().name)
    thread.close()


async def test_closed_it_finishes_what_it_was_given_and_ends() -> None:
    thread = Thread("elsewhere")
    done: list[int] = []
    thread.call(lambda: done.append(1), lambda *_: None)
    thread.close()

    await asyncio.to_thread(thread._thread.join, 4)

    assert (done, thread.alive) == ([1], False)


def test_when_the_loop_is_gone_it_ends_quietly() -> None:
    release, told = threading.Event(), list[object]()

    async def leave() -> Thread:
        thread = Thread("elsewhere")
        thread.call(lambda: release.wait(4), lambda *answer: told.append(answer))
        return thread

    thread = asyncio.run(leave())
    release.set()
    thread._thread.join(4)

    assert (thread.alive, told) == (False, [])
