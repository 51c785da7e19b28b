"""Frames whose answers outlive their socket: accepted first, sent again, or asked for later."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence

from consumers.outbox import Outbox
from inference import calls
from inference.core import census, receipts, rows, wire
from inference.core.errors import Draining, FrameInvalid, NotFound
from inference.core.wire import Codec, FrameId, Request
from inference.durable import door
from inference.durable.requests import Lasting
from inference.services.standings import Standing


class Answers:
    """Puts frames into a socket's outbox, for requests of one caller to one endpoint.

    With a session, a frame's id is the name by which its request is known for good.
    """

    def __init__(self, codec: Codec, outbox: Outbox, endpoint: str) -> None:
        self.session = ""
        self.caller = ""
        self._codec = codec
        self._outbox = outbox
        self._endpoint = endpoint

    async def answer(self, request: Request) -> str:
        """Until the last frame for it was put; raises what an error frame shall say.

        Returns how it ended, as it is counted.
        """
        if not request.resume:
            return await self._asked(request)
        if not self.session:
            raise FrameInvalid("Only a socket with a session can resume.")
        with contextlib.suppress(Draining):  # the socket says that it is, and ends
            await self._resumed(request.resume)
        return census.OK

    async def _asked(self, request: Request) -> str:
        durable = door.current()
        run = durable.begin(self._lasting(request))
        opened = await asyncio.shield(run.opened)
        if request.ask.wait is not None and run.later and opened.standing is not Standing.DONE:
            accepted = wire.accepted(request.id, opened.ids, batch=request.batch)
            self._outbox.put(self._codec.message(accepted))
        found = await asyncio.shield(run.done)
        if found.standing is not Standing.QUEUED:
            await self._put(request.id, found.texts, batch=request.batch)
            return census.outcome_of(found.texts)
        with contextlib.suppress(Draining):  # it was accepted, and this socket ends
            texts = await durable.answered(found.ids)
            await self._put(request.id, texts, batch=request.batch)
            return census.outcome_of(texts)
        return calls.ACCEPTED

    async def _resumed(self, ids: Sequence[str | int]) -> None:
        by_key = {self._key(each): each for each in ids}
        async for key, found in door.current().resumed(by_key):
            if found.standing is Standing.DONE:
                await self._put(by_key[key], found.texts, batch=found.batch)
            else:
                self._outbox.put(self._codec.message(wire.error(by_key[key], NotFound())))

    async def _put(self, frame_id: FrameId, texts: Sequence[str], *, batch: bool) -> None:
        await self._outbox.room()
        failed = None if batch else wire.failed(frame_id, texts[0])
        if failed is not None:
            self._outbox.put(self._codec.message(failed))
        else:
            self._outbox.put(self._codec.result(frame_id, texts, batch=batch))

    def _lasting(self, request: Request) -> Lasting:
        if not self.session:
            return Lasting(request.ask, request.rows, request.batch)
        key, fingerprint = self._key(request.id), _fingerprint(request)
        return Lasting(request.ask, request.rows, request.batch, key, fingerprint)

    def _key(self, frame_id: str | int) -> str:
        named = json.dumps(frame_id)  # 1 and "1" are two ids
        return receipts.digest("ws", self.caller, self._endpoint, self.session, named)


def _fingerprint(request: Request) -> str:
    """What is asked, however patiently."""
    asked = json.dumps(request.ask.as_dict())
    return receipts.digest(asked, rows.to_json(request.rows, batch=request.batch))
