"""The socket that predicts: frames in, results out of order, a bounded number in flight."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl

from channels.consumer import AsyncConsumer

from consumers import base
from consumers.doors import Doors, Pass
from consumers.lasting import Answers
from consumers.outbox import Outbox, Send
from consumers.sockets import SOCKETS
from inference import calls, gateway
from inference.calls import Call
from inference.core import receipts, wire
from inference.core.errors import (
    Draining,
    FrameInvalid,
    JsonInvalid,
    ModelError,
    Overloaded,
    WeirError,
)
from inference.core.wire import Codec, Request
from inference.gateway import Gateway
from inference.keys import Scope as KeyScope

log = logging.getLogger(__name__)

# Channels types its messages one by one; what is read of them here is checked here.
Receive = Callable[[], Awaitable[Any]]
Message = Mapping[str, Any]

MOST_NONSENSE: Final = 10  # frames in a minute that are no requests, before the socket is closed
MINUTE: Final = 60.0
MOST_BYTES: Final = 2 * 1024 * 1024  # of frames in flight on one socket
TURN: Final = 64  # frames of one socket that are taken before others have their turn
LAST_SECONDS: Final = 1.0


class PredictConsumer(AsyncConsumer):
    """A Channels consumer with a receive loop of its own.

    Channels would start a task and hop through a thread for every message, and handle the next one
    only when that is done (channels#1924); here a frame is parsed, admitted and left to its future.
    """

    def __init__(self, *, doors: Doors, window: int) -> None:
        self.doors = doors
        self.window = window

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        codec = base.codec_of(scope)
        await base.accept(send, scope, codec)
        endpoint = scope["url_route"]["kwargs"]["endpoint"]
        session = Session(codec, endpoint, self.window, send)
        session.scope = scope
        try:
            session.passed = self.doors.check(scope, KeyScope.PREDICT)
            session.greet(gateway.current(), _name(scope))
            SOCKETS.enter(session)
        except WeirError as error:
            await base.refuse(send, codec, error)
            return
        try:
            await session.run(receive)
        finally:
            SOCKETS.leave(session)


class Session:
    """One client's frames in flight.

    Every accepted frame takes a credit and gives it back when its answer has left. So many frames,
    and so many bytes of them, are in flight; beyond the bytes nothing is read.
    """

    passed: Pass
    scope: Any

    def __init__(self, codec: Codec, endpoint: str, window: int, send: Send) -> None:
        self._codec = codec
        self._endpoint = endpoint
        self._most = window
        self._credits = window
        self._send = send
        self._outbox = Outbox(send, self._returned)
        self._answers = Answers(codec, self._outbox, endpoint)
        self._pending: set[Future[Any]] = set()
        self._bytes = 0
        self._lighter = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._nonsense: list[float] = []
        self._clock = asyncio.get_running_loop().time

    def greet(self, door: Gateway, name: str) -> None:
        """Raises NotServed for an endpoint that nobody serves; `name` is that of the session."""
        schema = door.schema_hash(self._endpoint)
        self._gateway = door
        self._answers.session = name
        self._answers.caller = self.passed.caller
        hello = wire.hello(self._endpoint, self._most, schema, name)
        self._outbox.put(self._codec.message(hello))

    async def run(self, receive: Receive) -> None:
        """Until either side closes; whatever was still in flight is answered to nobody."""
        try:
            await base.either(self._outbox.run(), self._read(receive), self._send, self._pending)
        finally:
            self._outbox.clear()
            self._idle.set()

    async def drain(self) -> None:
        self._draining = True
        self._outbox.put(self._codec.message(wire.draining()))
        await self._idle.wait()
        await self._outbox.empty()
        await base.close(self._send, base.GOING_AWAY)

    async def expel(self, error: WeirError) -> None:
        self._refuse(None, error)
        await self._leave(base.code(error))

    async def _read(self, receive: Receive) -> None:
        """Stops reading, and so lets TCP push back, while too much is waiting to be sent.

        Many frames may have come in one piece, and others want the loop as well.
        """
        for number in count(1):
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            if not self._take(message):
                await self._leave(base.NONSENSE)
                return
            if self._outbox.full or self._bytes > MOST_BYTES:
                await self._room()
            if number % TURN == 0:
                await asyncio.sleep(0)

    async def _leave(self, code: int) -> None:
        """Close; what is on its way is sent before, if the client takes it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self._outbox.empty()
        await base.close(self._send, code)

    def _take(self, message: Message) -> bool:
        """Begin what the frame asks for; False if this client has sent too much nonsense."""
        text = message.get("text")
        data = text if text is not None else message.get("bytes") or b""
        call = Call(calls.WEBSOCKET, self._endpoint, self.scope)
        try:
            request = self._codec.request(self._endpoint, data)
            self._admit()
            self._begin(request, len(data), call)
        except (FrameInvalid, JsonInvalid) as error:
            call.ended(error.code)
            self._refuse(self._codec.id_of(data), error)
            return self._tolerable()
        except WeirError as error:
            call.ended(error.code)
            self._refuse(self._codec.id_of(data), error)
            _forget_frames(error)
        return True

    async def _room(self) -> None:
        await self._outbox.room()
        while self._bytes > MOST_BYTES:
            self._lighter.clear()
            await self._lighter.wait()

    def _admit(self) -> None:
        if self._draining:
            raise Draining
        if self._credits <= 0:
            raise Overloaded(f"At most {self._most} frames may be in flight.", retry_after=0.1)

    def _begin(self, request: Request, size: int, call: Call) -> None:
        if request.lasting or self._answers.session:
            request = request.in_words()
            done: Future[Any] = asyncio.ensure_future(self._answers.answer(request))
            self._taken(size, done, partial(self._ended, request, size, call))
            return
        if self._gateway.ready(request.rows):
            call.begun = self._gateway.begin(request.ask, request.rows)
            done = call.begun.done
        else:
            done = asyncio.ensure_future(self._gateway.predict(request.ask, request.rows, call))
        self._taken(size, done, partial(self._answer, request, size, call))

    def _taken(self, size: int, done: Future[Any], then: Callable[[Future[Any]], None]) -> None:
        self._credits -= 1
        self._bytes += size
        self._idle.clear()
        self._pending.add(done)
        done.add_done_callback(then)

    def _left(self, size: int, done: Future[Any]) -> None:
        self._pending.discard(done)
        self._bytes -= size
        self._lighter.set()
        if not self._pending:
            self._idle.set()

    def _answer(self, request: Request, size: int, call: Call, done: Future[Any]) -> None:
        self._left(size, done)
        if done.cancelled():
            call.ended(calls.GONE)
        else:
            self._outbox.put(self._frame_for(request, call, done), credit=1)

    def _ended(self, request: Request, size: int, call: Call, done: Future[str]) -> None:
        """Its frames were put already, unless it failed."""
        self._left(size, done)
        if done.cancelled():
            call.ended(calls.GONE)
        elif (failure := done.exception()) is not None:
            self._outbox.put(self._failed(request, call, failure), credit=1)
        else:
            self._returned(1)
            if not request.resume:  # which asks for no prediction
                call.ended(done.result())

    def _failed(self, request: Request, call: Call, failure: BaseException) -> wire.Text:
        error = _named(failure)
        call.ended(error.code)
        return self._codec.message(wire.error(request.id, error))

    def _frame_for(self, request: Request, call: Call, done: Future[Any]) -> wire.Text:
        failure = done.exception()
        if failure is not None:
            return self._failed(request, call, failure)
        call.answered()
        pending = call.begun
        assert pending is not None  # it was answered
        first = pending.parts[0]
        if first.errors and not request.batch:
            return self._codec.message(wire.error(request.id, first.errors[0], first.ids[0]))
        if request.ask.table:
            return self._codec.message(wire.block(request.id, pending.table))
        return self._codec.result(request.id, pending.texts, batch=request.batch)

    def _refuse(self, frame_id: wire.FrameId, error: WeirError) -> None:
        self._outbox.put(self._codec.message(wire.error(frame_id, error)))

    def _tolerable(self) -> bool:
        now = self._clock()
        self._nonsense = [at for at in self._nonsense if now - at < MINUTE] + [now]
        return len(self._nonsense) <= MOST_NONSENSE

    def _returned(self, credit: int) -> None:
        self._credits += credit


def _name(scope: Any) -> str:
    """Of the session that the client wants; empty for none."""
    query = scope.get("query_string", b"").decode("utf-8", "replace")
    found = dict(parse_qsl(query, keep_blank_values=True)).get("session")
    return "" if found is None else receipts.checked_session(found)


def _named(failure: BaseException) -> WeirError:
    if not isinstance(failure, WeirError):
        log.error("a frame failed", exc_info=failure)
        return ModelError("Something went wrong here.")
    _forget_frames(failure)
    return failure


def _forget_frames(error: WeirError) -> None:
    """They hold the rows and are held by them, and the collector comes rarely."""
    error.__traceback__ = None
