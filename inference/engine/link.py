"""One connection to Redis, and what it means when it fails.

Nothing is tried again here: a command whose answer was lost may have been carried out, and only its
sender knows whether saying it twice does harm. Commands queue up for the one connection, which is
what keeps a deployment within the few that hosted plans allow.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import DataError, RedisError, ResponseError

# What a server says that is not, or no longer, the one to talk to.
_TURNED: Final = frozenset(
    {"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "UNBLOCKED"}
)
_UNKNOWN: Final = "NOSCRIPT"
# uvloop says RuntimeError when a connection ended between two of its turns.
_FAILURES: Final = (RedisError, OSError, RuntimeError)
Word = str | bytes | int | float
Script = tuple[str, Sequence[str], Sequence[Word]]  # text, keys, words


class Away(Exception):
    """Redis cannot be reached, or sends us elsewhere."""


class Full(Exception):
    """Redis has no memory left for this."""


class Refused(Exception):
    """Redis understood the command and will not do it; `code` is the first word of its answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Link:
    """Sends commands one after the other; raises Away, Full or Refused."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._turn = asyncio.Lock()

    async def call(self, *words: Word) -> Any:
        async with self._turn:
            try:
                with _cancellable():
                    return await self._client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's
            except _FAILURES as error:
                raise await self._named(error) from error

    async def script(self, text: str, keys: Sequence[str], *words: Word) -> Any:
        """By its digest; a server that does not know it has done nothing, and is told all of it."""
        try:
            return await self.call("EVALSHA", digest(text), len(keys), *keys, *words)
        except Refused as error:
            if error.code != _UNKNOWN:
                raise
        return await self.call("EVAL", text, len(keys), *keys, *words)

    async def scripts(self, calls: Sequence[Script]) -> list[Any]:
        """Several in one go; each has its answer or, as a value, the exception it met."""
        if len(calls) == 1:
            text, keys, words = calls[0]
            try:
                return [await self.script(text, keys, *words)]
            except (Full, Refused) as error:
                return [error]
        async with self._turn:
            try:
                with _cancellable():
                    found = await self._pipelined(calls)
                answers = [await self._told(each) for each in found]
            except _FAILURES as error:
                raise await self._named(error) from error
        return [
            (await self.scripts([call]))[0] if _unknown(answer) else answer
            for call, answer in zip(calls, answers, strict=True)
        ]

    async def close(self) -> None:
        await self._client.aclose()

    async def _pipelined(self, calls: Sequence[Script]) -> Any:
        async with self._client.pipeline(transaction=False) as pipeline:
            for text, keys, words in calls:
                pipeline.execute_command("EVALSHA", digest(text), len(keys), *keys, *words)
            return await pipeline.execute(raise_on_error=False)

    async def _told(self, answer: Any) -> Any:
        if not isinstance(answer, Exception):
            return answer
        error = await self._named(answer)
        if isinstance(error, Away):
            raise error
        return error

    async def _named(self, error: Exception) -> Exception:
        if isinstance(error, DataError):  # a mistake of ours, which waiting does not mend
            return Refused("DATA", str(error))
        code = _code(error)
        if code == "OOM":
            return Full(str(error))
        if isinstance(error, ResponseError) and code not in _TURNED:
            return Refused(code, str(error))
        # The next command shall ask anew where to go: behind the address may be another server.
        await self._client.connection_pool.disconnect()
        return Away(f"{type(error).__name__}: {error}")


@cache
def digest(text: str) -> str:
    """How a server that has seen a script knows it."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _unknown(answer: object) -> bool:
    return isinstance(answer, Refused) and answer.code == _UNKNOWN


@contextmanager
def _cancellable() -> Iterator[None]:
    """Ends whoever was cancelled meanwhile.

    redis-py sends through `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that
    comes as it is done: a loop that was told to end would go on for ever.
    """
    task = asyncio.current_task()
    assert task is not None  # this is a coroutine's
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


def _code(error: Exception) -> str:
    """redis-py cuts the first word off where it has a class for it."""
    known: str | None = getattr(error, "status_code", None)
    return known or str(error).partition(" ")[0]
