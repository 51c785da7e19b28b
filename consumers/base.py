"""What the sockets have in common: how they greet, how they refuse, how they say goodbye."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Coroutine
from typing import Any, Final

from consumers.doors import Scope
from consumers.outbox import Send
from inference.core import wire
from inference.core.errors import WeirError
from inference.core.wire import Codec

TRY_LATER: Final = 1013
GOING_AWAY: Final = 1012
NONSENSE: Final = 1008
CLOSE_SECONDS: Final = 1.0
_CODES: Final = {
    "unauthorized": 4401,
    "forbidden": 4403,
    "not_served": 4404,
    "draining": GOING_AWAY,
    "frame_invalid": NONSENSE,
}


def codec_of(scope: Scope | Any) -> Codec:
    """The client's first subprotocol that we speak; JSON for those that name none."""
    for name in scope.get("subprotocols", ()):
        if name in wire.CODECS:
            return wire.CODECS[name]()
    return wire.JsonCodec()


async def accept(send: Send, scope: Scope | Any, codec: Codec) -> None:
    """Finish the handshake; whoever offered no subprotocol is told none."""
    offered = codec.name in scope.get("subprotocols", ())
    await send({"type": "websocket.accept", "subprotocol": codec.name if offered else None})


async def refuse(send: Send, codec: Codec, error: WeirError) -> None:
    """Why not, and the end. Only after the handshake: browsers hide what precedes it."""
    await say(send, codec.message(wire.error(None, error)))
    await close(send, code(error))


def code(error: WeirError) -> int:
    """What a socket that this befell is closed with."""
    return _CODES.get(error.code, TRY_LATER)


async def say(send: Send, frame: wire.Text) -> None:
    """One frame, text or binary."""
    await send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})


async def either(
    writing: Coroutine[Any, Any, None],
    reading: Coroutine[Any, Any, None],
    send: Send,
    pending: Collection[asyncio.Future[Any]] = (),
) -> None:
    """Write and read until either side closes; what is `pending` then is answered to nobody."""
    writer, reader = asyncio.ensure_future(writing), asyncio.ensure_future(reading)
    try:
        await asyncio.wait((writer, reader), return_when=asyncio.FIRST_COMPLETED)
        if reader.done():
            reader.result()  # what nobody expected must not pass for a goodbye
        else:
            await close(send, TRY_LATER)
    finally:
        for task in (writer, reader, *pending):
            task.cancel()
        await asyncio.gather(writer, reader, return_exceptions=True)


async def close(send: Send, code: int) -> None:
    """Close a socket that may be gone already."""
    with contextlib.suppress(RuntimeError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": code})
