"""A line of JSON for each HTTP request and for both ends of each WebSocket, where that is wanted.

No query, header or body is in it, and so no secret, no row and no subject.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from inference import calls
from inference.access import Access
from inference.core import traceparent
from inference.dataplane.asgi import Application, Message, Receive, Scope, Send

LONGEST: Final = 500  # characters of a path

Write = Callable[[str], object]


class AccessLog:
    """An ASGI application around those that `of` finds for a scope."""

    def __init__(
        self, of: Callable[[Scope], Application], access: Access, write: Write | None = None
    ) -> None:
        self._of = of
        self._access = access
        self._write = write or _to_stdout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, calls.NOTES: {}}
        handle = self._request if scope["type"] == "http" else self._socket
        await handle(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent, began = _Sent(send), monotonic()
        try:
            await self._of(scope)(scope, receive, sent.send)
        finally:
            said = {"method": scope["method"], "status": sent.status, "bytes": sent.size}
            self._say("request", scope, said | _since(began))

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        frames, began = _Frames(receive, send), monotonic()
        self._say("connect", scope, {})
        try:
            await self._of(scope)(scope, frames.receive, frames.send)
        finally:
            said = {"status": frames.code, "received": frames.received, "sent": frames.sent}
            self._say("close", scope, said | _since(began))

    def _say(self, event: str, scope: Scope, said: dict[str, Any]) -> None:
        headers = dict(scope["headers"])
        client = scope.get("client")
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "path": scope["path"][:LONGEST],
            **said,
            "caller": self._access.named(headers.get(b"authorization", b"").decode("latin-1")),
            "remote": client[0] if client else "",
            "trace": traceparent.trace_id(headers),
            **scope[calls.NOTES],
        }
        self._write(f"{json.dumps(line)}\n")


class _Sent:
    """What was answered; a status of 0 says that nothing was."""

    def __init__(self, send: Send) -> None:
        self.status = 0
        self.size = 0
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)


class _Frames:
    """How many came and went, and the code of whichever close came first."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.received = self.sent = self.code = 0
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += message["type"] == "websocket.receive"
        if message["type"] == "websocket.disconnect":
            self.code = self.code or message.get("code", 0)
        return message

    async def send(self, message: Message) -> None:
        self.sent += message["type"] == "websocket.send"
        if message["type"] == "websocket.close":
            self.code = self.code or message.get("code", 1000)
        await self._send(message)


def _since(began: float) -> dict[str, float]:
    return {"ms": round(1000 * (monotonic() - began), 3)}


def _to_stdout(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()
