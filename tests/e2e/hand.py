"""WebSocket by hand: frames that no client library would send, and what came back for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from tests.e2e.raw import SECONDS, Header

CONTINUE: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
MASK: Final = b"\x11\x22\x33\x44"
_UPGRADE: Final = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ("Sec-WebSocket-Version", "13"),
)


def frame(
    opcode: int,
    payload: bytes,
    *,
    final: bool = True,
    mask: bytes | None = MASK,
    length: int | None = None,
) -> bytes:
    """The bytes of a frame; `length` is what it says of itself, if that is not the truth."""
    size = len(payload) if length is None else length
    masked = 0x80 if mask else 0
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([masked | 127]) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + hidden.to_bytes(len(payload), "big")


def handshake(path: str, headers: Sequence[Header] = (), host: str = "127.0.0.1") -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (*_UPGRADE, *headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass
class Hand:
    """A connection; as a context it is open, and closed hard at the end."""

    port: int
    path: str
    headers: Sequence[Header] = ()
    host: str = "127.0.0.1"
    status: int = 0
    said: dict[str, str] = field(default_factory=dict)

    async def __aenter__(self) -> Hand:
        async with asyncio.timeout(SECONDS):
            self.reading, self.writing = await asyncio.open_connection("127.0.0.1", self.port)
            self.writing.write(handshake(self.path, self.headers, self.host))
            head = (await self.reading.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(head[0].split()[1])
        pairs = [line.partition(": ") for line in head[1:] if line]
        self.said = {name.lower(): value for name, _, value in pairs}
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.writing.transport.abort()

    async def receive(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload; CLOSE and nothing if the connection just ended."""
        try:
            async with asyncio.timeout(SECONDS):
                while (found := await self._frame())[0] == PING:
                    self.writing.write(frame(PONG, found[1]))
                return found
        except (asyncio.IncompleteReadError, ConnectionError):
            return CLOSE, b""

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self.reading.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self.reading.readexactly(2 if size == 126 else 8))
        return first & 0x0F, await self.reading.readexactly(size)

    async def until_closed(self) -> tuple[int, list[bytes]]:
        """The close code, 0 for none, and what was said before."""
        found: list[bytes] = []
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2]), found
            found.append(payload)
