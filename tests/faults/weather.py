"""What bytes suffer on their way: how long they take, whether they pass, after which they end."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

_CHUNK: Final = 1 << 16
_SLOW_CHUNK: Final = 1 << 10  # so that a throttled line trickles instead of jumping


class Direction(Enum):
    """Which way bytes travel."""

    UP = "up"  # from the client to the server
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Line:
    """What a chunk of bytes suffers on its way."""

    latency: float = 0.0
    jitter: float = 0.0
    bytes_per_second: float = 0.0  # as fast as it goes

    def travel(self, size: int) -> float:
        """How long so many bytes keep the line busy."""
        return size / self.bytes_per_second if self.bytes_per_second else 0.0

    def delay(self, chance: float) -> float:
        """How long they are on their way; `chance` is between 0 and 1."""
        return self.latency + self.jitter * chance


@dataclass(slots=True)
class Cut:
    """One connection is reset when so many more bytes have travelled in one direction."""

    direction: Direction
    bytes_left: int


@dataclass(slots=True, eq=False)
class Weather:
    """That of one proxy; it changes while bytes are on their way."""

    dice: random.Random
    line: Line = Line()
    cut: Cut | None = None
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    carried: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))

    def clear(self) -> None:
        """Everything passes, at once and whole."""
        self.line, self.cut = Line(), None
        self.flowing.set()

    @property
    def appetite(self) -> int:
        """How much is taken in at once."""
        return _SLOW_CHUNK if self.line.bytes_per_second else _CHUNK

    def let_through(self, data: bytes, direction: Direction) -> bytes:
        """As much of it as travels before the cut; the rest is never seen again."""
        passed = data if self.cut is None else self._until(self.cut, data, direction)
        self.carried[direction] += len(passed)
        return passed

    def _until(self, cut: Cut, data: bytes, direction: Direction) -> bytes:
        if cut.direction is not direction:
            return data
        if len(data) <= cut.bytes_left:
            cut.bytes_left -= len(data)
            return data
        self.cut = None
        return data[: cut.bytes_left]
