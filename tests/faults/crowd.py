"""Very many sockets on one web process that all come back: `python -m tests.faults.crowd URL SIZE`.

Each waits to be greeted and says nothing; one whose connection ends tries again, a little later.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.faults.cluster import ENDPOINT, until
from tests.faults.processes import START_SECONDS, Process

CROWD_SECONDS: Final = 15.0
_SPREAD: Final = 1.0  # seconds between two tries, on average
_WORDS: Final = {1: "gathered", 2: "back"}


class Crowd:
    """Counts how often each of them was greeted."""

    def __init__(self, url: str, size: int) -> None:
        self._url = f"ws{url.removeprefix('http')}/ws/v1/predict/{ENDPOINT}"
        self._greeted = [0] * size
        self._said = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as everybody:
            for number in range(len(self._greeted)):
                everybody.create_task(self._live(number))

    async def _live(self, number: int) -> None:
        while True:
            await asyncio.sleep(2 * _SPREAD * random.random())  # noqa: TID251  # spreads, decides nothing
            try:
                async with connect(self._url, open_timeout=CROWD_SECONDS) as socket:
                    await self._listen(number, socket)
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage):
                continue

    async def _listen(self, number: int, socket: ClientConnection) -> None:
        async for text in socket:
            if json.loads(text)["type"] == "hello":
                self._greeted[number] += 1
                self._say(min(self._greeted))

    def _say(self, times: int) -> None:
        if times > self._said:
            self._said = times
            sys.stdout.write(f"{_WORDS.get(times, '')}\n")
            sys.stdout.flush()


@contextmanager
def gathered(url: str, size: int, data: Path) -> Iterator[Process]:
    """The process of a crowd in which everybody has been greeted."""
    command = [sys.executable, "-m", "tests.faults.crowd", url, str(size)]
    process = Process("crowd", command, data / "crowd.log")
    process.log.unlink(missing_ok=True)
    process.start()
    try:
        process.until(lambda: _WORDS[1] in process.said, START_SECONDS)
        yield process
    finally:
        process.kill()


def wait_until_back(process: Process) -> None:
    """Until everybody has been greeted once more."""
    until(lambda: _WORDS[2] in process.said, CROWD_SECONDS, "the crowd is back")


if __name__ == "__main__":
    asyncio.run(Crowd(sys.argv[1], int(sys.argv[2])).run())
