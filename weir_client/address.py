"""Where the server is, by HTTP and by WebSocket, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

_SOCKETS = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True)
class Address:
    """A server's root without trailing slash, and the API key that opens it."""

    url: str
    key: str = ""

    @classmethod
    def of(cls, url: str, key: str = "") -> Address:
        """Raises ValueError for what is no http or https address, and for what is no key."""
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in _SOCKETS or not parts.hostname:
            raise ValueError(f"{url!r} is not an address like http://127.0.0.1:8000.")
        if not (
            key.isascii() and key.isprintable()
        ):  # as read from a file with its last line break
            raise ValueError("The key has a character that no header carries.")
        return cls(f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), key)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Api-Key {self.key}"} if self.key else {}

    def socket(self, path: str, query: Mapping[str, str]) -> str:
        """The ws or wss address of a path."""
        scheme, _, rest = self.url.partition("://")
        asked = f"?{urlencode(query)}" if query else ""
        return f"{_SOCKETS[scheme]}://{rest}{path}{asked}"


def segment(name: str) -> str:
    """A name as one piece of a path."""
    return quote(name, safe="")
