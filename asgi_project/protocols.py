"""uvicorn's protocols, with a bound on what a client may send without end or leave unread.

uvicorn waits for the head of a request as long as it takes and keeps as much of it as comes,
answers the pings of a client that reads nothing, and closes a connection only when all was read.
"""

from __future__ import annotations

import asyncio
import logging
import re
import struct
from typing import Any, ClassVar, Final, TypeVar

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.protocol import State

T = TypeVar("T")

MOST_HEADERS: Final = 1000
MOST_FRAGMENTS: Final = 1024  # of one message, however little is in each
OVERHEAD: Final = 8  # chunks of a single byte take six on the wire
MOST_LOOKED_AT: Final = 8192  # bytes of a piece in which a head may be
HIGH_WATER: Final = 256 * 1024  # of a body: what one read of the loop may bring
_log: Final = logging.getLogger("weir.sockets")  # the settings hear only its warnings
_ANSWER: Final = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_H2C: Final = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*\r\n", re.IGNORECASE)
_TEXT: Final = 0x81  # opcodes, each with the bit of a last frame
_BINARY: Final = 0x82
_MIDDLING: Final = struct.Struct("!BBH").pack
_LARGE_FRAME: Final = struct.Struct("!BBQ").pack
_BAD: Final = b"400 Bad Request"
_LATE: Final = b"408 Request Timeout"
_LARGE: Final = b"431 Request Header Fields Too Large"


class Http(HttpToolsProtocol):
    """Cuts off who is too slow with a head, sends without end, or takes nothing of an answer."""

    head_seconds: ClassVar[float] = 10.0  # for the first byte as well
    stuck_seconds: ClassVar[float] = 30.0
    most_head: ClassVar[int] = 64 * 1024  # bytes, more or less one read
    most_request: ClassVar[int] = 16 * 1024 * 1024  # bytes with chunk sizes, trailers and all

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._received: int | None = None  # of a request that is incomplete
        self._running: RequestResponseCycle | None = None
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(self.head_seconds, self._cut, _LATE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        _cancel(self._stuck)
        super().connection_lost(exc)
        if self._running is not None:  # uvicorn tells the last one parsed, which may be another
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._received is None and data.find(b"h2c", 0, MOST_LOOKED_AT) >= 0:
            data = _without_h2c(data)
        super().data_received(data)
        self._fed()
        cycle = or_none(self.cycle)
        whole = cycle is not None and not cycle.more_body and not cycle.response_complete
        if whole and "method" in self.scope:  # as nearly every request is, with its first piece
            self._received = None
            self._in_time()
        elif not self.transport.is_closing():
            self._account(len(data))

    def on_body(self, body: bytes) -> None:
        """As uvicorn's, which stops reading after a quarter of what one read may bring.

        Whoever wants a body takes what came at once; two changes of what the loop listens to, and
        a turn of it between them, cost more than the memory was worth.
        """
        cycle = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _fed(self) -> None:
        """All that came was parsed."""

    def handle_websocket_upgrade(self) -> None:
        self._in_time()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(self.stuck_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stuck)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _account(self, size: int) -> None:
        """For the time of a body the application answers, for that of anything else we do."""
        if self._is_upgraded():
            return
        self._received = 0 if self._received is None else self._received + size
        in_head = "method" not in (or_none(self.scope) or ())
        most = self.most_head if in_head else self.most_request
        if self._received > most or len(self.headers or ()) > MOST_HEADERS:
            self._cut(_LARGE)
        elif not in_head and not self.cycle.response_complete:
            self._in_time()
        elif self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._cut, _LATE)

    def _is_upgraded(self) -> bool:
        return self.transport.get_protocol() is not self

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _cut(self, status: bytes) -> None:
        """With a word where it cannot be taken for the answer to something else."""
        scope, cycle = or_none(self.scope), or_none(self.cycle)
        in_head = scope is not None and "method" not in scope
        if in_head and (cycle is None or cycle.response_complete):
            self.transport.write(_ANSWER % status)
        self.transport.close()
        self._stuck = self._stuck or self.loop.call_later(self.stuck_seconds, self.transport.abort)


def bounded(max_body: int, kind: type[Http] = Http, **members: object) -> type[Http]:
    """For bodies of at most so many bytes."""
    most = Http.most_head + OVERHEAD * max_body
    return type(f"Bounded{kind.__name__}", (kind,), {"most_request": most, **members})


class WebSocket(WebSocketsSansIOProtocol):
    """Lets go of a client that reads nothing, and of messages in countless pieces."""

    stuck_seconds: ClassVar[float] = 30.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.debug = False  # it would log each header, and keys and cookies are among them
        self.logger = _log  # it writes down whole addresses, and names of sessions are among them
        self._stuck: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._stuck)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._let_go()

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stuck)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # whoever does not read needs no pong, and it would be kept

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "bytes" or self.close_sent:
            super().send_receive_event_to_app()
            return
        text, self.frames = b"".join(self.frames), []
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": text.decode()})
        except UnicodeDecodeError:  # uvicorn would write a trace, as often as a stranger likes
            self.conn.fail(CloseCode.INVALID_DATA, "not UTF-8")
            self.handle_parser_exception()
            return
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self._turn_away()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._let_go()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.send" and self._open():
            self.transport.write(_written(message.get("text"), message.get("bytes")))
            return
        if message["type"] == "websocket.close":
            self.writable.set()  # a few bytes, the last: no reason to wait for who does not read
        await super().send(message)

    def _turn_away(self) -> None:
        """The head was whole and still the library cannot read it; uvicorn waits for ever then.

        So it is with a body, with a line of more than 8 kB and with more than 128 headers.
        """
        self.transport.write(b"".join(self.conn.data_to_send()) or _ANSWER % _BAD)
        self.transport.close()
        self._let_go()

    def _open(self) -> bool:
        """Whether a frame is all there is to be written, and may be written at once."""
        return (
            self.conn.state is State.OPEN
            and self.handshake_complete
            and self.writable.is_set()
            and not (self.disconnected or self.close_sent or self.conn.extensions)
        )

    def _let_go(self) -> None:
        _cancel(self._stuck)
        self._stuck = self.loop.call_later(self.stuck_seconds, self.transport.abort)


def _written(text: str | None, data: bytes | None) -> bytes:
    """A whole message as one frame of a server (RFC 6455, 5.2).

    The library's own way there makes an object, asks it for its parts and keeps them in a list;
    for answers of a hundred bytes that was a tenth of the loop's time.
    """
    payload = text.encode() if text is not None else data or b""
    opcode, size = _TEXT if text is not None else _BINARY, len(payload)
    if size < 126:
        return b"%c%c%b" % (opcode, size, payload)
    if size < 1 << 16:
        return _MIDDLING(opcode, 126, size) + payload
    return _LARGE_FRAME(opcode, 127, size) + payload


def _without_h2c(data: bytes) -> bytes:
    """Java's client offers HTTP/2 with its first request; the parser would then drop the body."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return _H2C.sub(b"\r\n", head + b"\r\n", count=1)[:-2] + end + rest


def or_none(value: T) -> T | None:
    """What uvicorn's types deny: before the first request there is none."""
    return value


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
