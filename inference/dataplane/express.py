"""Hot requests that came whole, answered without a task and without ASGI's messages.

For each request an ASGI server makes a task, an event and four dictionaries, and checks each header
that it is given back; that is as much work as the prediction. A server that hands over requests as
they were parsed saves it. What is not answered here goes the usual way: the two give the same
answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from inference import calls, gateway
from inference.calls import Call
from inference.core import rows as payload
from inference.dataplane import http
from inference.dataplane.asgi import Scope
from inference.dataplane.http import Answer, DataPlane, Hot
from inference.gateway import Answered, Pending

Headers = Sequence[tuple[bytes, bytes]]

_STRANGE: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
_MOST_SAYINGS: Final = 2048
_MOST_REMEMBERED: Final = 4096  # bytes; what is longer is looked at each time
_LONGEST_URL: Final = 1024
_EACH: Final = 128  # bytes that a header takes beyond its letters
PREFIX: Final = http.PREFIX.encode()
SUFFIX: Final = http.SUFFIX.encode()


class Begun(NamedTuple):
    """A request on its way; once `done` is, `Express.answer` has its answer."""

    done: asyncio.Future[Any]
    pending: Pending | None
    batch: bool
    call: Call


class Express:
    """Beside a data plane, whose rules it keeps. Nothing is taken once it is `closed`."""

    def __init__(self, plane: DataPlane) -> None:
        self.closed = False
        self._plane = plane
        self._remembered: dict[tuple[object, ...], Hot | None] = {}

    def recognised(self, scheme: str, url: bytes, headers: Headers) -> Hot | None:
        """Of a POST; None for what is to go the usual way.

        Callers repeat all but their bodies, so what was found is remembered by all that was said.
        """
        if self.closed:
            return None
        said = (scheme, url, *headers)
        try:
            return self._remembered[said]
        except KeyError:
            found = self._recognised(scheme, url, headers)
        if _size(url, headers) < _MOST_REMEMBERED:
            self._remember(said, found)
        return found

    def begin(self, hot: Hot, body: bytes) -> Begun | None:
        """None if it has to go the usual way after all; raises nothing."""
        call = Call(calls.REST, hot.endpoint, None)  # whoever reads a scope has closed us
        try:
            return self._begun(hot, body, call)
        except Exception as error:  # noqa: BLE001  # the client gets a sentence, the log a trace
            return _failed(error, call)

    def answer(self, begun: Begun) -> Answer:
        """Status, body and headers beyond those that every answer has; raises nothing.

        Nobody else would answer: the connection would wait for ever.
        """
        try:
            begun.done.result()
            assert begun.pending is not None  # it was refused otherwise
            return http.answered(Answered(begun.pending, begun.batch), begun.call)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # as in `begin`
            return http.failed(error, begun.call)

    def _recognised(self, scheme: str, url: bytes, headers: Headers) -> Hot | None:
        path, _, query = url.partition(b"?")
        if not path.startswith(PREFIX) or not path.endswith(SUFFIX):
            return None
        if len(url) > _LONGEST_URL or b"%" in path or b"#" in url or not url.isascii():
            return None  # the server's own parser knows what to make of it
        by_name = dict(headers)
        if not _STRANGE.isdisjoint(by_name):
            return None
        scope: Scope = {"method": "POST", "path": path.decode(), "query_string": query}
        scope |= {"scheme": scheme, "headers": headers}
        hot = self._plane.recognised(scope, by_name)
        return None if hot is None or hot.lasting else hot

    def _remember(self, said: tuple[object, ...], found: Hot | None) -> None:
        if len(self._remembered) >= _MOST_SAYINGS:
            self._remembered.clear()
        self._remembered[said] = found

    def _begun(self, hot: Hot, body: bytes, call: Call) -> Begun | None:
        ask = self._plane.admitted(hot, len(body))
        if ask.wait is not None:
            return None
        door = gateway.current()
        rows, batch = payload.from_json(body)
        if not door.ready(rows):
            return None
        call.begun = pending = door.begin(ask, rows)
        return Begun(pending.done, pending, batch, call)


def _size(url: bytes, headers: Headers) -> int:
    """About what it takes to remember them; a header of two letters takes a hundred bytes."""
    letters = sum(len(name) + len(value) for name, value in headers)
    return len(url) + letters + _EACH * len(headers)


def _failed(error: Exception, call: Call) -> Begun:
    """Told in the next turn of the loop, as answers are."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return Begun(future, None, batch=False, call=call)
