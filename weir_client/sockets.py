"""WebSockets to the server: opened, and what it means when they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from weir_client import errors
from weir_client.address import Address
from weir_client.errors import Interrupted, Unavailable, Unexpected, Unreachable, WeirError

POLITE: Final = 1012  # the server stops, and has answered what it had accepted
CLOSE_SECONDS: Final = 1.0
_FATAL: Final = {
    4401: "unauthorized",
    4403: "forbidden",
    4404: "not_served",
    1002: "unexpected",
    1007: "unexpected",
    1008: "frame_invalid",
    1009: "too_large",
}
_PASSING: Final = {429, 500, 502, 503, 504}  # what proxies say while a server starts


@asynccontextmanager
async def opened(
    address: Address, path: str, protocol: str, seconds: float, query: Mapping[str, str]
) -> AsyncGenerator[ClientConnection]:
    """Raises Unreachable, Unavailable or Unexpected."""
    url = address.socket(path, query)
    try:
        socket = await connect(
            url,
            subprotocols=[Subprotocol(protocol)],
            additional_headers=address.headers,
            compression=None,  # costs more than it saves on one machine or in one network
            max_size=None,
            open_timeout=seconds,
            close_timeout=CLOSE_SECONDS,
        )
    except InvalidStatus as error:
        raise _of_status(error.response.status_code, address) from error
    except (OSError, WebSocketException) as error:
        raise Unreachable(f"Nothing answers at {address.url} ({error}).") from error
    async with socket:
        yield socket


def is_fatal(code: int | None) -> bool:
    """Whether connecting again would end the same way."""
    return code in _FATAL


def why(code: int | None, said: WeirError | None) -> WeirError:
    """Why a socket ended, by its close code and by what was said before."""
    if said is not None:
        return said
    if code in _FATAL:
        return errors.of(_FATAL[code])
    return Interrupted(f"The connection ended with {code}.")


def _of_status(status: int, address: Address) -> WeirError:
    kind = Unavailable if status in _PASSING else Unexpected
    return kind(f"{address.url} answered {status} and opened no WebSocket.")
