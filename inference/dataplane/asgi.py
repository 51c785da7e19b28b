"""The three names that ASGI is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# What a server hands over is a dictionary by specification (ASGI 3.0); its values are checked where
# they are read.
Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
