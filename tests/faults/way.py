"""How bytes get from one end of a connection to the other, in whatever weather."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Final

from tests.faults.weather import Direction, Weather

# Lingering for no time at all: the kernel sends RST instead of FIN.
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_CHUNKS_ON_THE_WAY: Final = 256
_Chunk = tuple[float, bytes]  # when it arrives, by the clock of the loop; nothing is the end


class Link:
    """One client's connection and ours to the server behind."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._ends = (client, server)

    def finish(self) -> None:
        """What was sent arrives, then both ends hear that it was all (FIN)."""
        for end in self._ends:
            end.close()

    def reset(self) -> None:
        """Both ends are told at once that this connection is no more (RST)."""
        for end in self._ends:
            line: socket.socket = end.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closed already
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            end.transport.abort()


class Way:
    """One direction of one connection."""

    def __init__(self, weather: Weather, direction: Direction) -> None:
        self._weather = weather
        self._direction = direction
        self._clock = asyncio.get_running_loop().time
        self._travelling: asyncio.Queue[_Chunk] = asyncio.Queue(_CHUNKS_ON_THE_WAY)

    async def carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """To the end; takes in what comes while what came before is on its way.

        Raises ConnectionResetError where the weather cuts it off.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take_in(source))
            both.create_task(self._hand_over(sink))

    async def _take_in(self, source: asyncio.StreamReader) -> None:
        free_at = arrival = 0.0
        while True:
            data = await source.read(self._weather.appetite)
            line = self._weather.line
            free_at = max(free_at, self._clock()) + line.travel(len(data))
            # Jitter delays, it does not reorder: this is TCP.
            arrival = max(arrival, free_at + line.delay(self._weather.dice.random()))
            await self._travelling.put((arrival, data))
            if not data:
                return

    async def _hand_over(self, sink: asyncio.StreamWriter) -> None:
        while data := await self._arrived():
            passed = self._weather.let_through(data, self._direction)
            sink.write(passed)
            await sink.drain()
            if len(passed) < len(data):
                raise ConnectionResetError
        if sink.can_write_eof():
            sink.write_eof()

    async def _arrived(self) -> bytes:
        arrival, data = await self._travelling.get()
        if (early := arrival - self._clock()) > 0:
            await asyncio.sleep(early)
        await self._weather.flowing.wait()
        return data
