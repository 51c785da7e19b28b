"""Whether a key opens a door, and whether it is our door: by what is known here already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from inference import keys
from inference.core.errors import Forbidden, Unauthorized
from inference.registry import Key, Snapshot


class Access:
    """The rule of the profile: `open` lets everybody in, else a key with the scope is needed."""

    def __init__(self, snapshot: Callable[[], Snapshot], *, is_open: bool) -> None:
        self.is_open = is_open
        self._snapshot = snapshot

    def version(self) -> int:
        """Of what it is checked by; while it stays the same, only time can change an answer."""
        return self._snapshot().version

    def check(self, authorization: str, scope: keys.Scope) -> None:
        """Raises Unauthorized (no such key) or Forbidden (the key lacks the scope)."""
        if self.is_open:
            return
        if scope not in self._key(authorization).scopes:
            raise Forbidden(f"This API key does not have the scope {scope.value!r}.")

    def caller(self, authorization: str) -> str:
        """Whose requests are the same ones when they have the same name; in the open profile all.

        Only after `check`.
        """
        return "" if self.is_open else by_key(keys.prefix(keys.from_header(authorization) or ""))

    def named(self, authorization: str) -> str:
        """What people call the key; empty where there is none that opens anything."""
        try:
            return self._key(authorization).name if authorization else ""
        except Unauthorized:
            return ""

    def _key(self, authorization: str) -> Key:
        text = keys.from_header(authorization) or ""
        key = self._snapshot().keys.get(keys.prefix(text))
        if key is None or not keys.matches(text, key.hashed) or _expired(key):
            raise Unauthorized
        return key


@dataclass(frozen=True, slots=True)
class Https:
    """Whether only HTTPS is answered, and whether a proxy in front may say that it was used."""

    required: bool = False
    proxied: bool = False

    def used(self, scheme: str, headers: Mapping[bytes, bytes]) -> bool:
        """As Django tells it: the first word of the proxy counts, from anybody else it is none."""
        said = headers.get(b"x-forwarded-proto") if self.proxied else None
        if said is not None:
            return said.partition(b",")[0].strip() == b"https"
        return scheme in {"https", "wss"}


def by_key(prefix: str) -> str:
    """A caller who showed a key."""
    return f"key {prefix}"


def by_session(user_id: object) -> str:
    """A caller who is logged in."""
    return f"user {user_id}"


def host_allowed(host: str) -> bool:
    """Whether a Host header names us.

    A page of another site whose name leads to this address must not get an answer here.
    """
    allowed = tuple(settings.ALLOWED_HOSTS)
    return _remembered(host, allowed) if len(host) < _MOST_REMEMBERED else _names(host, allowed)


def _names(host: str, allowed: Sequence[str]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


_remembered: Final = lru_cache(maxsize=256)(_names)
_MOST_REMEMBERED: Final = 256  # letters; a longer one is no client's of ours


def _expired(key: Key) -> bool:
    return key.expires_at is not None and key.expires_at <= datetime.now(UTC)
