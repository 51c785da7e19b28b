"""Which files a confined process can still read: those of its interpreter and its libraries.

On Linux with Landlock (5.13 and later). Neither the database, nor other models, nor what the
system says of other processes, their variables among it, are there for who is within.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# The same numbers on every processor (asm-generic/unistd.h), and the first version's rights.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION: Final = 1  # asks which version of it there is
_ALL_RIGHTS: Final = 0x1FFF
_READ_FILE: Final = 1 << 2
_READ_FOLDER: Final = 1 << 3
_BENEATH: Final = 1
_ROOT: Final = Path(__file__).resolve().parents[2]
_OF_SYSTEM: Final = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/urandom",
)


def available() -> bool:
    """Whether the system can do it; asks only, and gives nothing up."""
    if platform.system() != "Linux":
        return False
    return int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, _VERSION)) > 0


def wall_in() -> bool:
    """See nothing else from now on; whether the system can do that. Needs `no new privileges`."""
    if platform.system() != "Linux":
        return False
    system = ctypes.CDLL(None, use_errno=True)
    rules = system.syscall(_CREATE, struct.pack("Q", _ALL_RIGHTS), 8, 0)
    if rules < 0:
        return False
    try:
        for path in _readable():
            _allow(system, rules, path)
        return int(system.syscall(_RESTRICT, rules, 0)) == 0
    finally:
        os.close(rules)


def _readable() -> Iterator[Path]:
    """Where modules are looked for, but for the folder that the data may be in, too."""
    yield _ROOT / "inference"
    yield Path(f"/proc/{os.getpid()}")
    yield from map(Path, _OF_SYSTEM)
    for each in (*sys.path, sys.base_prefix, f"{sys.prefix}/lib"):
        path = Path(each).resolve()
        if path not in {_ROOT, Path.cwd()}:
            yield path


def _allow(system: ctypes.CDLL, rules: int, path: Path) -> None:
    with contextlib.suppress(OSError):  # not everything is there everywhere
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
        system.syscall(_ADD, rules, _BENEATH, struct.pack("=Qi", rights, handle), 0)
        os.close(handle)
