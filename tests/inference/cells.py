"""A child whose model does what it is told by the first number of a row, the worst included.

`python -m tests.inference.cells`, in the place of `inference.runtimes.cell`.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from inference.core.tensors import Tensors
from inference.runtimes import cell, pipes
from inference.runtimes.base import Kind
from inference.runtimes.cell import Given
from inference.runtimes.confinement import Bounds
from inference.runtimes.isolated import IsolatedRuntime

# The child has none of our variables, so that both name it alike.
CANARY: Final = Path(tempfile.gettempdir()) / "weir-cells-canary"
CRASH, HANG, EAT, QUIT, REJECT, WRITE, START, BABBLE, READ, LOOK = (1000.0 + n for n in range(10))


def fickle(seconds: float = 20.0) -> IsolatedRuntime:
    """In a child; said to be ONNX, whose libraries are imported soonest."""
    nothing = Given(b"", {}, is_graph=False, reads="matrix", libraries={})
    bounds = Bounds(memory=1 << 30, seconds=seconds)
    return IsolatedRuntime(Kind.ONNX, nothing, bounds, "tests.inference.cells")


class Fickle:
    """Twice the first number of each row, unless it stands for something else."""

    kind = Kind.ONNX
    inline_ok = True

    def predict(self, tensors: Tensors) -> Tensors:
        numbers = tensors[0][:, 0].astype(np.float64)
        for number, act in _ACTS.items():
            if (numbers == number).any():
                act()
        return (2 * numbers[:, None],)

    def close(self) -> None:
        """There is nothing to close."""


def _crash() -> None:
    ctypes.string_at(0)


def _hang() -> None:
    # In C and with the interpreter's lock: no thread of the child could notice anything.
    ctypes.PyDLL(None).pause()


def _eat() -> None:
    np.ones(4 << 30, np.uint8)


def _reject() -> None:
    raise ValueError("a row that nobody likes")


def _write() -> None:
    os.open(CANARY, os.O_CREAT | os.O_WRONLY)


def _start() -> None:
    os.execv(sys.executable, [sys.executable, "-c", ""])  # noqa: S606  # it is refused


def _read() -> None:
    Path("/etc/passwd").read_bytes()


def _look() -> None:
    """At the variables of the parent, keys among them."""
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


def _babble() -> None:
    os.write(int(sys.argv[1]), b"\xff" * 64)


_ACTS: Final[Mapping[float, Callable[[], Any]]] = {
    CRASH: _crash,
    HANG: _hang,
    EAT: _eat,
    QUIT: lambda: os._exit(3),
    REJECT: _reject,
    WRITE: _write,
    START: _start,
    BABBLE: _babble,
    READ: _read,
    LOOK: _look,
}


if __name__ == "__main__":
    cell._loaded = lambda kind, given: Fickle()
    try:
        cell.main(sys.argv[1:])
    except pipes.Gone:
        sys.exit(0)
