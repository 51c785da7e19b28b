"""Whose browser opened a socket: asked once, at the handshake.

Channels' session middleware does it too, and then stands between the consumer and every message it
sends; that was a tenth of the loop's time. Programs bring no cookie and cost no database query.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from channels.auth import get_user
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http.cookie import parse_cookie


class Visitors:
    """Puts the `user` into the scope of what it wraps."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application({**scope, "user": await visitor(scope)}, receive, send)


async def visitor(scope: Any) -> Any:
    """The user of the session that the cookie names; nobody in particular without one."""
    header = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    key = parse_cookie(header).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return AnonymousUser()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return await get_user(cast("Any", {"session": store(key)}))
