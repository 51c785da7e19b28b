"""A prediction socket that outlives its connections: what was not answered is sent again."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from asyncio import Future
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from weir_client import retries, sockets
from weir_client.address import Address, segment
from weir_client.errors import Interrupted, Unexpected, WeirError
from weir_client.frames import (
    CODECS,
    Data,
    Draining,
    Format,
    Hello,
    Item,
    Message,
    Outcome,
    Refused,
    Result,
)
from weir_client.retries import ONCE, Retries
from weir_client.values import Failure

INTERRUPTED: Final = Failure(
    "interrupted", "The connection broke before the answer came; it may have been counted."
)


@dataclass(frozen=True, slots=True)
class Terms:
    """To whom a line goes and how; `window` is how many frames may be in flight at most."""

    address: Address
    endpoint: str
    fields: Mapping[str, object]
    format: Format = "msgpack"
    window: int = 128
    session: bool = True
    retries: Retries = ONCE
    timeout: float = 10.0


@dataclass(slots=True, eq=False)
class Flight:
    """A frame that is not answered yet; `on` is the connection that has it, None for none."""

    frame: Data
    done: Future[Outcome]
    on: ClientConnection | None = None
    failed: int = 0


class Line:
    """Frames go out with credits and are settled once, however many connections it takes.

    In a session the server knows a frame again by its id; where it keeps no log, nothing can count
    twice. In both cases everything that was not answered is sent again on the next connection.
    Otherwise only what was not taken before a polite goodbye is, and the rest is settled as
    interrupted.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._codec = CODECS[terms.format]()
        self._numbers = count(1)
        self._flying: dict[int, Flight] = {}
        self._claimed = 0
        self._credits = 0
        self._taking: ClientConnection | None = None
        self._changed = asyncio.Event()
        self._session = secrets.token_urlsafe(24) if terms.session else ""
        self._unlogged = False
        self._polite = False
        self._said: WeirError | None = None
        self._lost = 0
        self._rested_at = 0.0
        self._broken: WeirError | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Until the server has greeted; raises why it did not."""
        self._spawn(self._keep())
        while self._taking is None:
            await self._change()

    async def close(self) -> None:
        """What is not answered yet never will be."""
        for task in self._tasks.copy():
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(self._broken or Interrupted("The stream was closed."))

    async def claim(self) -> None:
        """Until there is a credit for one frame; raises what ended the line."""
        while not self._has_room():
            await self._change()
        self._claimed += 1

    def unclaim(self) -> None:
        """Give back a credit that was not used."""
        self._claimed -= 1
        self._changed.set()

    async def send(self, item: Item) -> Future[Outcome]:
        """With a credit that was claimed; raises ValueError or TypeError for what is no row.

        And what ended the line, if that was since.
        """
        if self._broken is not None:
            raise self._broken
        number = next(self._numbers)
        try:
            self._check(item)
            frame = self._codec.frame(number, item, self._terms.fields)
        except BaseException:
            self.unclaim()
            raise
        flight = Flight(frame, self._loop.create_future())
        self._flying[number] = flight
        try:
            await self._transmit(flight)
        except asyncio.CancelledError:
            flight.done.cancel()
            raise
        return flight.done

    def _check(self, item: Item) -> None:
        if self._session and isinstance(item, np.ndarray) and item.ndim >= 2:
            raise ValueError("Arrays need a stream with session=False: sessions keep texts.")

    # -- waiting -----------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        open_ = self._taking is not None and self._loop.time() >= self._rested_at
        return open_ and self._claimed < self._credits

    async def _change(self) -> None:
        if self._broken is not None:
            raise self._broken
        self._changed.clear()
        await self._changed.wait()

    # -- one connection after another --------------------------------------------------------------

    async def _keep(self) -> None:
        while self._broken is None:
            try:
                await self._connected()
            except WeirError as error:
                self._sort()
                await self._pause(error)
            except Exception as error:  # callers must not wait for a task that is dead
                self._fail(Unexpected(f"The stream broke: {error!r}"))
                raise

    async def _connected(self) -> None:
        """Until the connection ends; raises why, or returns if the next one shall be at once."""
        terms, session = self._terms, self._session
        path = f"/ws/v1/predict/{segment(terms.endpoint)}"
        query = {"session": session} if session else {}
        self._said, self._polite = None, False
        async with sockets.opened(
            terms.address, path, self._codec.name, terms.timeout, query
        ) as socket:
            with contextlib.suppress(ConnectionClosed):
                await self._greeted(socket)
                await self._served(socket)
        if self._session != session:
            self._sort()
            return
        self._polite = self._polite and socket.close_code == sockets.POLITE
        error = sockets.why(socket.close_code, self._said)
        if sockets.is_fatal(socket.close_code):
            self._fail(error)
        raise error

    async def _greeted(self, socket: ClientConnection) -> None:
        try:
            async with asyncio.timeout(self._terms.timeout):
                message = self._codec.message(await socket.recv(decode=False))
        except TimeoutError as error:
            raise Unexpected("The server did not greet.") from error
        if isinstance(message, Hello):
            self._credits = min(message.credits, self._terms.window)
        else:
            self._heard(message)

    async def _served(self, socket: ClientConnection) -> None:
        if self._said is None:
            self._taking = socket
            # Beside the reading: a server that cannot send does not read either.
            self._spawn(self._resend())
            self._changed.set()
        try:
            while True:
                self._heard(self._codec.message(await socket.recv(decode=False)))
                if self._unlogged and self._session:
                    self._session = ""  # the next connection is without
                    return
        finally:
            self._taking = None

    async def _resend(self) -> None:
        for number, flight in [*self._flying.items()]:
            if flight.done.done():
                self._settle(number, None)  # whoever asked has left
            await self._transmit(flight)

    async def _transmit(self, flight: Flight) -> None:
        socket = self._taking
        if socket is None or flight.on is not None or flight.done.done():
            return
        flight.on = socket
        with contextlib.suppress(ConnectionClosed):
            await socket.send(flight.frame)

    async def _pause(self, error: WeirError) -> None:
        self._lost += 1
        policy = self._terms.retries
        if self._broken is not None:
            return
        if self._lost >= policy.attempts or isinstance(error, Unexpected):
            self._fail(error)
            return
        await asyncio.sleep(policy.pause(self._lost, error.retry_after))

    def _sort(self) -> None:
        """What the lost connection had is sent again if it cannot count twice."""
        again = self._repeatable or self._polite
        for number, flight in [*self._flying.items()]:
            if flight.done.done():
                self._settle(number, None)
            elif again or flight.on is None:
                flight.on = None
            else:
                self._settle(number, INTERRUPTED)

    @property
    def _repeatable(self) -> bool:
        return bool(self._session) or self._unlogged

    def _fail(self, error: WeirError) -> None:
        self._broken = error
        for flight in self._flying.values():
            if not flight.done.done():
                flight.done.set_exception(error)
        self._flying.clear()
        self._changed.set()

    # -- what the server says ----------------------------------------------------------------------

    def _heard(self, message: Message) -> None:
        match message:
            case Result():
                self._lost = 0
                self._settle(message.id, message.outcome)
            case Refused(id=int(number)):
                self._refused(number, message)
            case Refused():
                self._said = message.error
            case Draining():
                self._taking, self._polite = None, True

    def _refused(self, number: int, message: Refused) -> None:
        flight, error = self._flying.get(number), message.error
        if flight is None:
            return
        if error.code == "draining":
            flight.on = None
        elif error.code == "not_logged" and self._session:
            self._unlogged = True
        else:
            self._failed(number, flight, message)

    def _failed(self, number: int, flight: Flight, message: Refused) -> None:
        error, policy = message.error, self._terms.retries
        flight.failed += error.code != "in_progress"  # that ends without our doing
        if flight.failed >= policy.attempts or not retries.worth(
            error, repeatable=self._repeatable
        ):
            self._settle(number, message.failure)
            return
        flight.on = None
        seconds = policy.pause(max(1, flight.failed), error.retry_after)
        if error.code == "overloaded":
            self._rested_at = max(self._rested_at, self._loop.time() + seconds)
        self._spawn(self._again(number, flight, seconds))

    async def _again(self, number: int, flight: Flight, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._changed.set()
        if flight.done.done():
            self._settle(number, None)
        await self._transmit(flight)

    def _settle(self, number: int, outcome: Outcome | None) -> None:
        flight = self._flying.pop(number, None)
        if flight is None:
            return
        self.unclaim()
        if outcome is not None and not flight.done.done():
            flight.done.set_result(outcome)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
