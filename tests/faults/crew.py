"""What all clients of a run have in common: whom they ask, what they write down, when they stop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import msgspec

from tests.faults import nonces
from tests.faults.journal import Event, Journal

NONCES_PER_CLIENT: Final = 10**6
NONCES_PER_RUN: Final = 10**9
_PAUSE: Final = 0.03  # between two requests of one client, on average
_RETRY: Final = 0.15  # after an error, on average


class Spec(msgspec.Struct, frozen=True):
    """What a process of clients is told. `crew` says how many of which kind."""

    urls: Sequence[str]
    endpoint: str
    journal: str
    run: int
    seed: int
    crew: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients of one process share."""

    spec: Spec
    journal: Journal
    stopping: asyncio.Event


class Client:
    """One caller with nonces of its own; a subclass says what a turn is."""

    def __init__(self, name: str, number: int, load: Load) -> None:
        self.name = name
        self._load = load
        self._dice = random.Random(f"{load.spec.seed} {name}")
        self._nonces: Iterator[int] = count(
            load.spec.run * NONCES_PER_RUN + number * NONCES_PER_CLIENT
        )
        self._at = number  # the web process that is asked now

    async def run(self) -> None:
        """Until told to stop, and then until nothing is owed any more."""
        async with asyncio.TaskGroup() as owed:
            while not self._load.stopping.is_set():
                await self.turn(owed)
                await self.pause(_PAUSE)

    async def turn(self, owed: asyncio.TaskGroup) -> None:
        """One request, or whatever comes in its place; what takes longer is owed."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        urls = self._load.spec.urls
        return urls[self._at % len(urls)]

    def move_on(self) -> None:
        """To another web process."""
        self._at += 1

    async def pause(self, seconds: float) -> None:
        """Paces, and spreads the clients; nobody waits for anything by it."""
        await asyncio.sleep(seconds * (0.5 + self._dice.random()))

    async def back_off(self) -> None:
        await self.pause(_RETRY)

    def note(self, event: Event, nonce: int, **more: object) -> None:
        self._load.journal.note(self.name, event, nonce, **more)

    def answered(self, nonce: int, body: Mapping[str, Any], connection: int = 0) -> None:
        """A row's answer as REST and WebSocket give it: a value, or the error of this row."""
        self.note(
            Event.ANSWERED,
            nonce,
            connection=connection,
            request_id=body.get("request_id"),
            value=body.get("value"),
            version=str(body.get("version", "")),
            code=str(body.get("code", "")),
        )


def label(nonce: int, value: float) -> str:
    """The truth about a request: off by so little that sums of squares stay exact."""
    return repr(value + nonce % nonces.SLOPE)
