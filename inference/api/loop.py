"""How a synchronous view, in its thread, asks something of the event loop that serves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from inference.core.errors import DeadlineExceeded
from inference.gateway import Gateway

# Whoever is asked keeps the deadline; this is for a loop that turns no more.
_GRACE: Final = 5.0

T = TypeVar("T")


def wait(server: Gateway, asked: Coroutine[Any, Any, T]) -> T:
    """The answer, or what was raised instead of it."""
    future = asyncio.run_coroutine_threadsafe(asked, server.loop)
    try:
        return future.result(server.limits.deadline + _GRACE)
    except TimeoutError:
        future.cancel()
        raise DeadlineExceeded from None
