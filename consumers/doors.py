"""Who may open a socket: origin first, then a key or a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from inference.access import Access
from inference.core.errors import Forbidden, Unauthorized
from inference.keys import Scope as KeyScope

Scope = dict[str, Any]
_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


@dataclass(frozen=True, slots=True)
class Doors:
    """What a socket is checked against. `origins` are allowed besides the server's own."""

    access: Access
    origins: Sequence[str] = ()

    def check(self, scope: Scope, needed: KeyScope) -> None:
        """Raises Forbidden (origin, host, scope of the key) or Unauthorized (no way in).

        A page of another site can open a socket with the visitor's cookies, so an Origin must be
        ours or listed. Programs send none, and then no cookie counts: they show a key.
        """
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not _host_allowed(host):
            raise Forbidden("This host is not served here.")
        if origin is not None and not self._origin_allowed(origin, host, scope):
            raise Forbidden("This origin may not open sockets here.")
        authorization = headers.get(b"authorization", "")
        if self.access.is_open or (origin is not None and not authorization and _staff(scope)):
            return
        if not authorization:
            raise Unauthorized
        self.access.check(authorization, needed)

    def _origin_allowed(self, origin: str, host: str, scope: Scope) -> bool:
        if origin.rstrip("/") in self.origins:
            return True
        parts = urlsplit(origin)
        scheme = "https" if scope.get("scheme") == "wss" else "http"
        own = (scheme, *_authority(host, scheme))
        return (parts.scheme, *_authority(parts.netloc, parts.scheme)) == own


def _authority(netloc: str, scheme: str) -> tuple[str, str]:
    domain, port = split_domain_port(netloc)
    return domain, port or _PORTS.get(scheme, "")


def _host_allowed(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _staff(scope: Scope) -> bool:
    user = scope.get("user")
    return user is not None and user.is_authenticated and user.is_staff
