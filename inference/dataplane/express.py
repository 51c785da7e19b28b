"""Hot requests that came whole, answered without a task and without ASGI's messages.

For each request an ASGI server makes a task, an event and four dictionaries, and checks each header
that it is given back; that is as much work as the prediction. A server that hands over requests as
they were parsed saves it. What is not answered here goes the usual way: the two give the same
answers.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from inference import gateway
from inference.core import rows as payload
from inference.dataplane import http
from inference.dataplane.asgi import Scope
from inference.dataplane.http import Answer, DataPlane
from inference.gateway import Answered, Pending

PREFIX: Final = http.PREFIX.encode()
SUFFIX: Final = http.SUFFIX.encode()


class Begun(NamedTuple):
    """A request on its way; once `done` is, `Express.answer` has its answer."""

    done: asyncio.Future[Any]
    pending: Pending | None
    batch: bool


class Express:
    """Beside a data plane, whose rules it keeps. Nothing is taken once it is `closed`."""

    def __init__(self, plane: DataPlane) -> None:
        self.closed = False
        self._plane = plane

    def may_take(self, method: bytes, url: bytes) -> bool:
        """Whether it is worth a closer look when it is complete."""
        return url.startswith(PREFIX) and method == b"POST" and not self.closed

    def begin(self, scope: Scope, url: bytes, body: bytes) -> Begun | None:
        """None for what is to go the usual way; raises nothing."""
        path, _, query = url.partition(b"?")
        if not path.endswith(SUFFIX) or b"%" in path:
            return None
        scope["path"], scope["query_string"], scope["method"] = path.decode(), query, "POST"
        hot = self._plane.recognised(scope, dict(scope["headers"]))
        if hot is None or hot.lasting:
            return None
        try:
            return self._begun(hot, body)
        except Exception as error:  # noqa: BLE001  # the client gets a sentence, the log a trace
            return _failed(error)

    def answer(self, begun: Begun) -> Answer:
        """Status, body and headers beyond those that every answer has."""
        error = begun.done.exception()
        if error is not None:
            return http.failed(error)
        assert begun.pending is not None  # it was refused otherwise
        return http.answered(Answered(begun.pending, begun.batch))

    def _begun(self, hot: http.Hot, body: bytes) -> Begun | None:
        ask = self._plane.admitted(hot)
        if ask.wait is not None:
            return None
        door = gateway.current()
        rows, batch = payload.from_json(body)
        if not door.ready(rows):
            return None
        pending = door.begin(ask, rows)
        return Begun(pending.done, pending, batch)


def _failed(error: Exception) -> Begun:
    """Told in the next turn of the loop, as answers are."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return Begun(future, None, batch=False)
