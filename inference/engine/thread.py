"""A thread that makes one call after another and tells the loop what came of each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol, TypeVar

R = TypeVar("R")

Work = Callable[[], object]
Then = Callable[[R | None, BaseException | None], None]


class Caller(Protocol):
    """Where blocking calls go. Tests have one whose time is not real."""

    @property
    def alive(self) -> bool: ...

    def call(self, work: Callable[[], R], then: Then[R]) -> None:
        """Make the call elsewhere; `then(result, error)` is called on the loop, once."""
        ...

    def close(self) -> None:
        """No further calls; the one under way may end."""
        ...


class Thread:
    """A real one. A daemon: a call that never returns must not keep the process from leaving."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[Work, Then[object]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def call(self, work: Callable[[], R], then: Then[R]) -> None:
        self._calls.put((work, then))  # type: ignore[arg-type]  # only each pair fits together

    def close(self) -> None:
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            work, then = call
            result, error = _outcome(work)
            try:
                self._loop.call_soon_threadsafe(then, result, error)
            except RuntimeError:
                # The loop has closed: nobody is left to be told.
                return
            # Nothing of a finished call may live on until the next one comes.
            del call, work, then, result, error


def _outcome(work: Work) -> tuple[object, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001  # the loop must hear of everything
        return None, error
