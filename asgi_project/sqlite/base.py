"""Those of one process who write wait for one another here, and not in SQLite.

SQLite has no queue: whoever finds the file locked looks again later, and each time later still, up
to a tenth of a second. Beside a log that is written all the time, a label took half a second to get
in, and the log waited as long for the labels.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Final

from django.db.backends.sqlite3 import base

_SECONDS: Final = 5.0  # then SQLite says what it thinks of the lock


class Turns:
    """A lock that is handed on in the order in which it was asked for.

    A lock of the library goes to whoever runs, so a writer who comes again at once keeps it.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def take(self, seconds: float) -> bool:
        """Whether it was had in time."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            place = threading.Lock()
            place.acquire()
            self._waiting.append(place)
        return place.acquire(timeout=seconds) or not self._gone(place)

    def give(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _gone(self, place: threading.Lock) -> bool:
        """Leave the queue; False for whoever was called just now."""
        with self._guard:
            if place not in self._waiting:
                return False
            self._waiting.remove(place)
            return True


_TURNS: Final = Turns()


class DatabaseWrapper(base.DatabaseWrapper):
    """What `ENGINE` names."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        self._has_turn = _TURNS.take(_SECONDS)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # its stub leaves it out
        except BaseException:
            self._pass_on()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # its stub leaves it out
        self._pass_on()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # its stub leaves it out
        finally:
            self._pass_on()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # its stub leaves it out
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _TURNS.give()
