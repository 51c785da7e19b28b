"""Messages between a process and the child it confines: a length and so many bytes, in time."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_LENGTH: Final = struct.Struct("<Q")
_ROOT: Final = Path(__file__).resolve().parents[2]
_PIECE: Final = 1 << 20
_MOMENT: Final = 0.05  # seconds
# What libraries ask for; neither keys nor addresses of ours are among them.
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    # A pool per child would fight the others for the processors, and take address space.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


class Gone(Exception):
    """The other side has ended, or does not answer in time, or says too much."""


class Line:
    """One end of a socket pair; `most` is the largest message that is taken."""

    def __init__(self, end: socket.socket, most: int) -> None:
        self._end = end
        self._most = most

    def send(self, message: bytes, deadline: float | None = None) -> None:
        """Raises Gone; `deadline` is of the monotonic clock, None waits for ever."""
        with _reached():
            self._patience(deadline)
            self._end.sendall(_LENGTH.pack(len(message)))
            self._patience(deadline)
            self._end.sendall(message)

    def receive(self, deadline: float | None = None) -> bytearray:
        """The next message; raises Gone."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        if length > self._most:
            raise Gone(f"it says {length} bytes, and no more than {self._most} are taken")
        return self._exactly(length, deadline)

    def close(self) -> None:
        self._end.close()

    def _exactly(self, wanted: int, deadline: float | None) -> bytearray:
        # Grown as it comes: a length is a claim.
        found = bytearray()
        while len(found) < wanted:
            with _reached():
                self._patience(deadline)
                piece = self._end.recv(min(wanted - len(found), _PIECE))
            if not piece:
                raise Gone("it has ended")
            found += piece
        return found

    def _patience(self, deadline: float | None) -> None:
        if deadline is None:
            self._end.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        self._end.settimeout(left)


class Child:
    """A process of ours that runs `module` and knows nothing of its parent but a line."""

    def __init__(self, module: str, arguments: Sequence[str], most: int) -> None:
        """Raises OSError if there can be no further process."""
        ours, theirs = socket.socketpair()
        # Nothing is ever said on this one. It is closed when this process ends, however it ends.
        kept, life = os.pipe()
        try:
            self._process = _started(module, arguments, (theirs.fileno(), kept))
        except BaseException:
            ours.close()
            os.close(life)
            raise
        finally:
            theirs.close()
            os.close(kept)
        self.line = Line(ours, most)
        self._life: int | None = life

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def ended(self) -> int | None:
        """How it has ended by itself, or None; what has just cut its line gets a moment for it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_MOMENT)
        return None

    def end(self) -> int:
        """Kill it and whatever it has started; how it ended, as `subprocess` says it."""
        self.line.close()
        life, self._life = self._life, None
        if life is not None:
            os.close(life)
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()


def _started(
    module: str, arguments: Sequence[str], ends: tuple[int, int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # the interpreter that runs us, and a module of ours
        [sys.executable, "-s", "-B", "-m", module, *map(str, ends), *arguments],
        cwd=_ROOT,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=ends,
        start_new_session=True,
    )


def ours(arguments: Sequence[str], most: int) -> tuple[Line, list[str]]:
    """In the child: the line to its parent, and what else it was told.

    Where the system can, it is ended the moment its parent ends, in whatever call it is.
    """
    end, life, *rest = arguments
    _end_with(int(life))
    return Line(socket.socket(fileno=int(end)), most), rest


def _end_with(life: int) -> None:
    """SIGIO ends a process that does not expect it; the system sends it when the pipe is cut."""
    try:
        import fcntl

        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | fcntl.FASYNC)
    except (ImportError, OSError, AttributeError):
        return  # it ends when it next reads


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Gone("it does not answer in time") from error
    except OSError as error:
        raise Gone("it has ended") from error
