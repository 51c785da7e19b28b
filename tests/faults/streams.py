"""Clients over WebSocket: one forgets what a broken connection owed, one asks for it again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.faults import nonces
from tests.faults.crew import Client, Load
from tests.faults.journal import Event

_WINDOW: Final = 8
_FRAME_PAUSE: Final = 0.02
_OPEN_SECONDS: Final = 10.0
_FOR_LATER: Final = 0.3  # share of a session's frames whose answer is promised first
_UNKNOWN: Final = "not_found"
# What a session sends again, because it was not taken.
_AGAIN: Final = frozenset(
    {
        _UNKNOWN,
        "overloaded",
        "draining",
        "queue_unavailable",
        "storage_unavailable",
        "model_unavailable",
        "deadline_exceeded",
        "in_progress",
    }
)


class Stream(Client):
    """Frames in flight on one socket; what a broken one owed is given up."""

    def __init__(self, name: str, number: int, load: Load) -> None:
        super().__init__(name, number, load)
        self._waiting: set[int] = set()
        self._connection = 0
        self._room = asyncio.Event()

    async def turn(self, owed: asyncio.TaskGroup) -> None:
        """The life of one connection."""
        self._connection += 1
        try:
            async with connect(self._address(), open_timeout=_OPEN_SECONDS) as socket:
                await socket.recv()
                await self._live(socket)
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage):
            self.move_on()
        self._left_behind()
        await self.back_off()

    def _address(self) -> str:
        host = self.url.removeprefix("http")
        return f"ws{host}/ws/v1/predict/{self._load.spec.endpoint}"

    async def _live(self, socket: ClientConnection) -> None:
        feeding = asyncio.create_task(self._feed(socket))
        try:
            while not (self._load.stopping.is_set() and not self._waiting):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_OPEN_SECONDS / 10):
                        self._hear(json.loads(await socket.recv()))
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    async def _feed(self, socket: ClientConnection) -> None:
        while not self._load.stopping.is_set():
            while len(self._waiting) >= _WINDOW:
                self._room.clear()
                await self._room.wait()
            await self._send(socket, next(self._nonces))
            await self.pause(_FRAME_PAUSE)

    async def _send(self, socket: ClientConnection, nonce: int) -> None:
        self._waiting.add(nonce)
        self.note(Event.SENT, nonce)
        await socket.send(json.dumps(self._frame(nonce)))

    def _frame(self, nonce: int) -> Mapping[str, object]:
        return {"id": nonce, "record": nonces.record(nonce)}

    def _hear(self, frame: Mapping[str, Any]) -> None:
        nonce = frame.get("id")
        if frame["type"] == "accepted":
            self.note(Event.ACCEPTED, frame["id"], request_id=frame["request_id"])
        elif frame["type"] == "result":
            self.answered(frame["id"], frame["result"], self._connection)
            self._settled(frame["id"])
        elif isinstance(nonce, int):
            self._failed(nonce, frame)
        elif nonce is not None:
            self._not_resumed()

    def _failed(self, nonce: int, frame: Mapping[str, Any]) -> None:
        if "request_id" in frame:
            self.answered(nonce, frame, self._connection)
        else:
            self.note(Event.REFUSED, nonce, code=f"frame {frame['code']}")
        self._settled(nonce)

    def _not_resumed(self) -> None:
        """A stream asks for nothing again."""

    def _settled(self, nonce: int) -> None:
        self._waiting.discard(nonce)
        self._room.set()

    def _left_behind(self) -> None:
        for nonce in self._waiting:
            self.note(Event.BROKEN, nonce)
        self._waiting.clear()


class Session(Stream):
    """Asks a new connection for what the old one owed, and sends again what nobody knows of."""

    def __init__(self, name: str, number: int, load: Load) -> None:
        super().__init__(name, number, load)
        self._again: asyncio.Queue[int] = asyncio.Queue()

    async def run(self) -> None:
        await super().run()
        async with asyncio.TaskGroup() as owed:
            while self._waiting:  # told to stop, but an answer is still owed
                await self.turn(owed)

    def _address(self) -> str:
        spec = self._load.spec
        return f"{super()._address()}?session=run-{spec.run:08d}-{self.name}"

    async def _live(self, socket: ClientConnection) -> None:
        resuming = asyncio.create_task(self._resume(socket))
        try:
            await super()._live(socket)
        finally:
            resuming.cancel()
            await asyncio.gather(resuming, return_exceptions=True)

    async def _resume(self, socket: ClientConnection) -> None:
        if self._waiting:
            wanted = sorted(self._waiting)
            frame = {"id": f"resume {self._connection}", "resume": wanted}
            await socket.send(json.dumps(frame))
        while True:
            nonce = await self._again.get()
            await self.back_off()
            await self._send(socket, nonce)

    def _frame(self, nonce: int) -> Mapping[str, object]:
        # By the nonce, so that a frame that is sent again is the same.
        later = nonce % 10 < _FOR_LATER * 10
        return {**super()._frame(nonce), **({"async": True} if later else {})}

    def _failed(self, nonce: int, frame: Mapping[str, Any]) -> None:
        if frame["code"] in _AGAIN and "request_id" not in frame:
            if frame["code"] != _UNKNOWN:
                self.note(Event.REFUSED, nonce, code=f"frame {frame['code']}")
            self._again.put_nowait(nonce)
            return
        super()._failed(nonce, frame)

    def _not_resumed(self) -> None:
        """The same frames again do what resuming would have done."""
        for nonce in sorted(self._waiting):
            self._again.put_nowait(nonce)

    def _left_behind(self) -> None:
        """Nothing is given up; what was to be sent again is asked for like the rest."""
        while not self._again.empty():
            self._again.get_nowait()
