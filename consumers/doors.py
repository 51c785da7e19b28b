"""Who may open a socket: origin first, then a key or a session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from django.http.request import split_domain_port

from consumers.visitors import visitor
from inference.access import Access, Https, by_session, host_allowed
from inference.core.errors import Forbidden, Unauthorized
from inference.keys import Scope as KeyScope

Scope = dict[str, Any]
_PORTS: Final = {"http": "80", "https": "443"}
HTTPS_OR_NOT: Final = Https()
AGAIN_SECONDS: Final = 60.0  # at the latest; sooner whenever the registry changes, keys and all


class Pass:
    """Why somebody was let in, to be looked at again while he stays.

    `caller` tells apart whose requests may be the same ones; in the open profile all are.
    """

    def __init__(
        self,
        version: Callable[[], int],
        again: Callable[[], Awaitable[None]] | None = None,
        caller: str = "",
    ) -> None:
        self.caller = caller
        self._version = version
        self._again = again
        self._seen = version()
        self._due = 0.0

    def due(self, now: float) -> bool:
        """Whether it is time to look; `now` is in seconds of any clock that runs evenly."""
        self._due = self._due or now + AGAIN_SECONDS
        return self._again is not None and (now >= self._due or self._version() != self._seen)

    async def look(self, now: float) -> None:
        """Raises Unauthorized or Forbidden if he would not be let in today."""
        self._seen, self._due = self._version(), now + AGAIN_SECONDS
        if self._again is not None:
            await self._again()


@dataclass(frozen=True, slots=True)
class Doors:
    """What a socket is checked against. `origins` are allowed besides the server's own."""

    access: Access
    origins: Sequence[str] = ()
    https: Https = HTTPS_OR_NOT

    def check(self, scope: Scope, needed: KeyScope) -> Pass:
        """Raises Forbidden (origin, host, scope of the key) or Unauthorized (no way in).

        A page of another site can open a socket with the visitor's cookies, so an Origin must be
        ours or listed. Programs send none, and then no cookie counts: they show a key.
        """
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        self._check_address(scope, headers, origin)
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        version = self.access.version
        if self.access.is_open:
            return Pass(version)
        if origin is not None and not authorization and _is_staff(scope.get("user")):
            return Pass(version, partial(_still_staff, scope), by_session(scope["user"].pk))
        if not authorization:
            raise Unauthorized
        self.access.check(authorization, needed)
        again = partial(_still_opens, self.access, authorization, needed)
        return Pass(version, again, self.access.caller(authorization))

    def _check_address(
        self, scope: Scope, headers: dict[bytes, bytes], origin: bytes | None
    ) -> None:
        host = headers.get(b"host", b"").decode("latin-1")
        used = self.https.used(scope.get("scheme", "ws"), headers)
        if not host_allowed(host):
            raise Forbidden("This host is not served here.")
        if self.https.required and not used:
            raise Forbidden("Sockets are opened over TLS here.")
        if origin is not None and not self._origin_allowed(origin.decode("latin-1"), host, used):
            raise Forbidden("This origin may not open sockets here.")

    def _origin_allowed(self, origin: str, host: str, https: bool) -> bool:
        if origin.rstrip("/") in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        scheme = "https" if https else "http"
        own = (scheme, *_authority(host, scheme))
        return (parts.scheme, *_authority(parts.netloc, parts.scheme)) == own


def _authority(netloc: str, scheme: str) -> tuple[str, str]:
    domain, port = split_domain_port(netloc)
    return domain, port or _PORTS.get(scheme, "")


def _is_staff(user: Any) -> bool:
    return user is not None and user.is_authenticated and user.is_staff


async def _still_opens(access: Access, authorization: str, needed: KeyScope) -> None:
    access.check(authorization, needed)


async def _still_staff(scope: Scope) -> None:
    """By the session as the database has it now; the scope's user is of the handshake."""
    if not _is_staff(await visitor(scope)):
        raise Unauthorized("The session has ended.")
