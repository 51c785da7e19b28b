"""uvicorn's protocol, with a short way for requests that a data plane answers by itself.

A request that has come whole is offered to `Express`; everything else, and whatever that does not
take, goes to ASGI as if nothing had happened. Requests that follow on the same connection wait for
the answer either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from asgi_project.protocols import Http, bounded, or_none
from inference.dataplane.express import Begun, Express
from inference.dataplane.http import HEADERS, Hot

_HEAD: Final = b"".join(b"%s: %s\r\n" % pair for pair in HEADERS)
_CLOSE: Final = b"connection: close\r\n"


class _Nobody:
    """Nobody waits for what happens to this request."""

    def set(self) -> None:
        """For uvicorn, which tells the application so."""


class Ride:
    """What uvicorn asks of the request that a connection is busy with."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    message_event: ClassVar[_Nobody] = _Nobody()
    more_body: ClassVar[bool] = False

    def __init__(self) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False


class ExpressHttp(Http):
    """Holds a request back until it is complete, or until what was received is used up."""

    express: ClassVar[Express]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot: Hot | None = None
        self._held: list[bytes] | None = None  # pieces of the body of a request that is held back

    def on_headers_complete(self) -> None:
        self._hot = self._recognised()
        if self._hot is None:
            super().on_headers_complete()
        else:
            self._held = []

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        if self._held is None:
            super().on_message_complete()
            return
        assert self._hot is not None  # else nothing would be held back
        begun = self.express.begin(self._hot, b"".join(self._held))
        if begun is None:
            self._let_go()
            super().on_message_complete()
        else:
            self._held = None
            self._ride(begun)

    def _recognised(self) -> Hot | None:
        """Only if nothing else is under way on this connection, and it stays open."""
        parser, cycle = self.parser, or_none(self.cycle)
        free = (
            (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
            and parser.get_method() == b"POST"
            and parser.should_keep_alive()
            and parser.get_http_version() == "1.1"
        )
        return self.express.recognised(self.scheme or "", self.url, self.headers) if free else None

    def _fed(self) -> None:
        """Of what is held back now, the rest has still to come."""
        if self._held is not None:
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        super().on_headers_complete()
        for piece in held or ():
            super().on_body(piece)

    def _ride(self, begun: Begun) -> None:
        self.scope["method"] = "POST"  # which says that the head is complete
        ride = Ride()
        self.cycle = self._running = cast("RequestResponseCycle", ride)
        begun.done.add_done_callback(partial(self._arrived, ride, begun))

    def _arrived(self, ride: Ride, begun: Begun, _: asyncio.Future[Any]) -> None:
        status, body, extra = self.express.answer(begun)
        if ride.disconnected or self.transport.is_closing():
            return
        ride.response_complete = True
        self.transport.write(_response(status, body, extra, closes=not ride.keep_alive))
        if not ride.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _response(
    status: int, body: bytes, extra: Iterable[tuple[bytes, bytes]], *, closes: bool
) -> bytes:
    lines = b"".join([b"%s: %s\r\n" % pair for pair in extra])
    return b"%s%scontent-length: %d\r\n%s%s\r\n%s" % (
        STATUS_LINE[status],
        _HEAD,
        len(body),
        lines,
        _CLOSE if closes else b"",
        body,
    )


def http(express: Express, max_body: int) -> type[Http]:
    """For bodies of at most so many bytes."""
    return bounded(max_body, ExpressHttp, express=express)
