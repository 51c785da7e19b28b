"""HTTP by hand: the bytes that no client library would send, and what came back for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httptools

SECONDS: Final = 30.0  # on a busy machine; an answer that takes longer counts as none
Header = tuple[str, str]


@dataclass
class Reply:
    """`status` is 0 where the connection was closed without an answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    closed: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal; empty where it has none, as the framework's own."""
        if not self.headers.get("content-type", "").startswith("application/"):
            return ""
        answer = self.json
        return str(answer.get("code", "")) if isinstance(answer, dict) else ""


class _Reader:
    """What the parser calls."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.complete = 0
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.replies.append(Reply())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.replies[-1].headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.replies[-1].status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.replies[-1].body += body

    def on_message_complete(self) -> None:
        if self.replies[-1].status >= 200:
            self.complete += 1


def request(
    method: str,
    target: str,
    headers: Sequence[Header] = (),
    body: bytes = b"",
    *,
    length: int | None = -1,
    host: str | None = "127.0.0.1",
) -> bytes:
    """The bytes of a request; `length` None says nothing of it, and -1 the truth."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"Host: {host}"] if host is not None else []
    lines += [f"{name}: {value}" for name, value in headers]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def exchange(
    port: int, data: bytes, *, replies: int = 1, half_close: bool = False
) -> list[Reply]:
    """Send all of it; the replies until there are so many or the server closes the connection."""
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    parsed = _Reader()
    try:
        async with asyncio.timeout(SECONDS):
            writing.write(data)
            if half_close:
                writing.write_eof()
            closed = await _read(reading, parsed, replies)
    except ConnectionError:  # it may be cut while we are still sending
        closed = True
    finally:
        writing.close()
    found = [reply for reply in parsed.replies if reply.status >= 200] or [Reply()]
    found[-1].closed = closed
    return found


async def _read(reading: asyncio.StreamReader, parsed: _Reader, replies: int) -> bool:
    while parsed.complete < replies:
        data = await reading.read(65536)
        if not data:
            return True
        parsed.parser.feed_data(data)
    return False
