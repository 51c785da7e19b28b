"""Whether a key opens a door, by the snapshot and without the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from inference import keys
from inference.core.errors import Forbidden, Unauthorized
from inference.registry import Key, Snapshot


class Access:
    """The rule of the profile: `open` lets everybody in, else a key with the scope is needed."""

    def __init__(self, snapshot: Callable[[], Snapshot], *, is_open: bool) -> None:
        self.is_open = is_open
        self._snapshot = snapshot

    def check(self, authorization: str, scope: keys.Scope) -> None:
        """Raises Unauthorized (no such key) or Forbidden (the key lacks the scope)."""
        if self.is_open:
            return
        if scope not in self._key(authorization).scopes:
            raise Forbidden(f"This API key does not have the scope {scope.value!r}.")

    def _key(self, authorization: str) -> Key:
        text = keys.from_header(authorization) or ""
        key = self._snapshot().keys.get(keys.prefix(text))
        if key is None or not keys.matches(text, key.hashed) or _expired(key):
            raise Unauthorized
        return key


def _expired(key: Key) -> bool:
    return key.expires_at is not None and key.expires_at <= datetime.now(UTC)
