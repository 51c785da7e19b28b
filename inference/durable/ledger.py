"""What must be in the database before a request runs: one transaction for all that came meanwhile.

A verb takes what several callers asked and returns what became of each, in order; see
`services.receipts` and `services.outbox`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

from django.db import Error, OperationalError, connection, transaction

from inference.core.types import Ticket
from inference.engine.commit import GroupCommit
from inference.engine.thread import Thread

_TURNS: Final = 3  # against other processes

A = TypeVar("A")
R = TypeVar("R")
Verb = Callable[[Sequence[A]], Sequence[R]]


class _Entry:
    """One thing that is asked of the database; the answer is there once it is committed."""

    __slots__ = ("answer", "asked", "verb")

    def __init__(self, verb: Verb[Any, Any], asked: object) -> None:
        self.verb = verb
        self.asked = asked
        self.answer: Any = None


class Writer(Thread):
    """A thread that gives its connection back when it ends; a pool has few."""

    def close(self) -> None:
        self.call(_close, _nothing)
        super().close()


class Ledger:
    """Calls verbs on a thread of its own; at most `most` may wait for theirs."""

    def __init__(self, most: int = 8192) -> None:
        self._commit = GroupCommit(_write, max_rows=most, thread=Writer)

    async def call(self, verb: Verb[A, R], asked: A) -> R:
        """What the verb says once that is committed; raises StorageUnavailable."""
        entry = _Entry(verb, asked)
        await self._commit.settle(cast("Ticket", entry))
        answer: R = entry.answer
        return answer

    async def drain(self, deadline: float) -> bool:
        """Until nothing waits; False if `deadline` (loop time) came first."""
        return await self._commit.drain(deadline)

    def close(self) -> None:
        self._commit.close()


def _close() -> None:
    """Looked up here, in the thread whose connection it is."""
    connection.close()


def _nothing(result: object, error: BaseException | None) -> None:
    """Nobody waits for the end."""


def _write(tickets: Sequence[Ticket]) -> None:
    entries = cast("Sequence[_Entry]", tickets)
    for _ in range(_TURNS - 1):
        try:
            return _together(entries)
        except _Beaten:
            continue
    return _together(entries)


class _Beaten(OperationalError):
    """Of two transactions that waited for each other the database has ended this one."""


def _together(entries: Sequence[_Entry]) -> None:
    try:
        with transaction.atomic():
            _call(entries)
    except Error as error:
        lives = connection.connection is not None and connection.is_usable()
        # The next call shall find a living connection; outside of requests nobody else looks.
        connection.close_if_unusable_or_obsolete()
        if lives and isinstance(error, OperationalError):
            raise _Beaten from error
        raise


def _call(entries: Sequence[_Entry]) -> None:
    groups: dict[Verb[Any, Any], list[_Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.verb].append(entry)
    for verb, group in groups.items():
        answers = verb([entry.asked for entry in group])
        for entry, answer in zip(group, answers, strict=True):
            entry.answer = answer
