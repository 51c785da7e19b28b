"""What a process gives up before it touches a model that may be hostile, for good.

Memory, processor time, descriptors and files are bounded by limits of the system. On Linux walls
(`inference.runtimes.walls`) hide all files but those of the libraries, and on x86-64 a filter
(seccomp) also refuses sockets, programs, processes, writing, and other processes.
"""

from __future__ import annotations

import ctypes
import platform
import resource
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.runtimes import walls

_FILES: Final = 64
_SET_NO_NEW_PRIVS: Final = 38
_SET_SECCOMP: Final = 22
_FILTER: Final = 2

# Of the language of filters (linux/bpf_common.h): load a word, jump if equal or if bits are set.
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_BITS: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_REFUSE: Final = 0x00050000  # with the number of an error in its lower half
_EPERM: Final = 1
_ENOSYS: Final = 38

_X86_64: Final = 0xC000003E
_X32: Final = 0x40000000  # the same calls by other numbers
_ARCHITECTURE_AT: Final = 4
_ARGUMENT_AT: Final = 16  # of the first one, eight bytes each

# Calls of x86-64 by number (asm/unistd_64.h), and what they would be good for.
_REFUSED: Final = (
    *(41, 42, 43, 49, 50, 53, 288),  # socket connect accept bind listen socketpair accept4
    *(57, 58, 59, 322),  # fork vfork execve execveat
    *(62, 129, 200, 234, 297, 424),  # kill rt_sigqueueinfo tkill tgkill rt_tgsigqueueinfo pidfd
    *(76, 77, 82, 83, 84, 85, 86, 87, 88),  # truncate ftruncate rename mkdir rmdir creat link ...
    *(90, 91, 92, 93, 94, 132, 133, 188, 189, 190, 235),  # chmod chown utime mknod setxattr
    *(258, 259, 260, 261, 263, 264, 265, 266, 268, 280, 316, 452),  # the same by a folder's number
    *(29, 64, 68, 240),  # shmget semget msgget mq_open
    *(101, 310, 311, 438),  # ptrace process_vm_readv process_vm_writev pidfd_getfd
    *(155, 161, 165, 166, 272, 308, 304),  # pivot_root chroot mount umount unshare setns by_handle
    *(160, 175, 246, 248, 250, 298, 313, 321, 323),  # setrlimit modules kexec keys perf bpf
    *(425, 426, 427),  # io_uring, which would do all of the above behind the filter's back
)
_UNKNOWN: Final = (435, 437)  # clone3 openat2: whoever hears this uses the older ones
_OPEN, _OPENAT, _CLONE, _PRLIMIT = 2, 257, 56, 302
_WRITING: Final = 0x1 | 0x2 | 0x40 | 0x200  # O_WRONLY O_RDWR O_CREAT O_TRUNC
_THREAD: Final = 0x10000
_ANY_BIT: Final = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a model may take: bytes beyond what its process has already, and seconds by the clock.

    `processor` is in seconds of it in all, or None for a process that lives long.
    """

    memory: int
    seconds: float
    processor: int | None = None


def missing() -> Sequence[str]:
    """What a process here could not give up, in words; nothing on Linux 5.13 and x86-64."""
    found = []
    if not walls.available():
        found.append("to read files")
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        found.append("to open sockets and start processes")
    return found


def confine(bounds: Bounds) -> bool:
    """Give up everything but computing; whether the filter holds, too."""
    _limit(resource.RLIMIT_AS, _address_space() + bounds.memory)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _FILES)
    if bounds.processor is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + bounds.processor + 1)
    system = ctypes.CDLL(None)
    if platform.system() != "Linux" or system.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    walls.wall_in()
    return _filtered(system)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _address_space() -> int:
    """Of this process, in bytes; where nobody tells it, what an interpreter with libraries has."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 4 << 30
    return pages * resource.getpagesize()


def _filtered(system: ctypes.CDLL) -> bool:
    if platform.machine() != "x86_64":
        return False
    code = b"".join(struct.pack("HBBI", *each) for each in _program())
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    return int(system.prctl(_SET_SECCOMP, _FILTER, program, 0, 0)) == 0


def _program() -> Iterable[Instruction]:
    """The filter: what is named is refused, everything else goes on."""
    yield _LOAD, 0, 0, _ARCHITECTURE_AT
    yield _IF_EQUAL, 1, 0, _X86_64
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, 0
    yield _IF_AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _KILL
    for number in _REFUSED:
        yield from _answered(number, _EPERM)
    for number in _UNKNOWN:
        yield from _answered(number, _ENOSYS)
    yield from _if_bits(_OPEN, 1, _WRITING, refuse=True)
    yield from _if_bits(_OPENAT, 2, _WRITING, refuse=True)
    yield from _if_bits(_PRLIMIT, 2, _ANY_BIT, refuse=True)
    yield from _if_bits(_CLONE, 0, _THREAD, refuse=False)
    yield _RETURN, 0, 0, _ALLOW


def _answered(number: int, error: int) -> Iterable[Instruction]:
    yield _IF_EQUAL, 0, 1, number
    yield _RETURN, 0, 0, _REFUSE | error


def _if_bits(number: int, argument: int, bits: int, *, refuse: bool) -> Iterable[Instruction]:
    """Of one call, by the lower half of an argument: refused if a bit is set, or if none is."""
    yield _IF_EQUAL, 0, 4, number
    yield _LOAD, 0, 0, _ARGUMENT_AT + 8 * argument
    yield _IF_BITS, 0, 1, bits
    yield _RETURN, 0, 0, (_REFUSE | _EPERM) if refuse else _ALLOW
    yield _RETURN, 0, 0, _ALLOW if refuse else (_REFUSE | _EPERM)
