"""Which other servers a process may talk to: those its operator has named, over HTTP, no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from inference.core.errors import BundleInvalid

HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 2000
_NO_TOKENS: Final[Mapping[str, str]] = MappingProxyType({})


class Reach(NamedTuple):
    """What an operator allows. A host without a port stands for each of its ports.

    `tokens`, by `host` or `host:port`, are what a server wants to see before it answers.
    """

    hosts: tuple[str, ...] = ()
    seconds: float = 5.0
    tokens: Mapping[str, str] = _NO_TOKENS

    def __repr__(self) -> str:
        """Without the tokens: a repr ends in logs."""
        return f"Reach({self.hosts}, {self.seconds})"

    def check(self, url: str) -> None:
        """Raises BundleInvalid unless this is the address of a server that may be talked to."""
        allowed = {each.lower() for each in self.hosts}
        name, place = _names(url)
        if name not in allowed and place not in allowed:
            raise BundleInvalid(f"{place} is not among the hosts that WEIR_REMOTE_HOSTS names.")

    def token(self, url: str) -> str | None:
        """What the server at this address wants to see; None for nothing."""
        known = {each.lower(): token for each, token in self.tokens.items()}
        name, place = _names(url)
        return known.get(place, known.get(name))


NOWHERE: Final = Reach()


def _names(url: str) -> tuple[str, str]:
    """The host, and the host with its port."""
    parts = _parts(url)
    name = re.sub(r":[0-9]+$", "", parts.netloc.lower())
    return name, f"{name}:{parts.port or _PORTS[parts.scheme]}"


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BundleInvalid(f"{url[:80]!r} is no address: {error}") from error
    plain = parts.scheme in _PORTS and HOST.fullmatch(parts.netloc) and port != 0
    # Only printable ASCII: what two readers of an address might read differently is refused.
    if not plain or len(url) > _LONGEST or not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise BundleInvalid(f"{url[:80]!r} is no address like http://host:port.")
    if "?" in url or "#" in url or ".." in parts.path:
        raise BundleInvalid("The address of a server ends with its path.")
    return parts
