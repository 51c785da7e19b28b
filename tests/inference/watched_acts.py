"""What this process does to the world while it reads something, as the interpreter sees it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ACTS = frozenset(
    {
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.link",
        "os.symlink",
        "os.chmod",
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "subprocess.Popen",
        "ctypes.dlopen",
        "pickle.find_class",
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_seen: list[str] | None = None
_hooked = False


@contextmanager
def acts() -> Iterator[list[str]]:
    """Those of the block: programs, connections, classes of pickles, files made or changed."""
    global _seen, _hooked  # noqa: PLW0603  # a hook of the interpreter cannot be taken back
    if not _hooked:
        sys.addaudithook(_heard)
        _hooked = True
    found: list[str] = []
    _seen = found
    try:
        yield found
    finally:
        _seen = None


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    if _seen is None:
        return
    if event in _ACTS or (event == "open" and _writes(arguments)):
        _seen.append(f"{event} {arguments[:2]!r:.200}")


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & _WRITING)
