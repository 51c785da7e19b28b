"""Which other servers a process may talk to: those its operator has named, over HTTP, no others."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from inference.core.errors import BundleInvalid

HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 2000


class Reach(NamedTuple):
    """What an operator allows. A host without a port stands for each of its ports."""

    hosts: tuple[str, ...] = ()
    seconds: float = 5.0

    def check(self, url: str) -> None:
        """Raises BundleInvalid unless this is the address of a server that may be talked to."""
        parts = _parts(url)
        name = re.sub(r":[0-9]+$", "", parts.netloc.lower())
        port = parts.port or _PORTS[parts.scheme]
        allowed = {each.lower() for each in self.hosts}
        if name not in allowed and f"{name}:{port}" not in allowed:
            sentence = f"{name}:{port} is not among the hosts that WEIR_REMOTE_HOSTS names."
            raise BundleInvalid(sentence)


NOWHERE: Final = Reach()


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
