"""A model whose answer proves which request and which version it belongs to.

The value is `3 * nonce + version`, exact in a double for every nonce that is used here, so a
crossed answer, or one of another version than it says, cannot go unnoticed. A row may also carry a
deed, by which the model misbehaves while it computes that row.
"""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin

Matrix = npt.NDArray[np.float64]

SLOPE: Final = 3  # more than there are versions
VERSIONS: Final = (1, 2)
_LOOK_SECONDS: Final = 0.01
_HELD_SECONDS: Final = 60.0
_SLOW_SECONDS: Final = 0.3
_ENDS: Final = 9


class Deed(IntEnum):
    """What a row makes the model do before it is answered."""

    NOTHING = 0
    RAISE = 1
    EXIT = 2  # as if the system had run out of memory
    SEGFAULT = 3
    HOLD = 4  # the first time it is tried: wait in the middle of the batch for somebody to kill us
    SLOW = 5


def value(nonce: int, version: int) -> int:
    """What the row of this nonce must be answered by this version."""
    return SLOPE * nonce + version


def version_of(nonce: int, answer: float) -> int | None:
    """Which version says so of this nonce; None if none does."""
    return next((each for each in VERSIONS if value(nonce, each) == answer), None)


class Line(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # untyped library
    """A straight line with moods. `folder` is where a held row leaves the process's id."""

    def __init__(self, version: int = 1, folder: str = "") -> None:
        self.version = version
        self.folder = folder

    def predict(self, rows: Matrix) -> Matrix:
        for nonce, deed in rows[rows[:, 1] != 0]:
            _DEEDS[Deed(int(deed))](self, int(nonce))
        answers: Matrix = SLOPE * rows[:, 0] + self.version
        return answers

    def _raise(self, nonce: int) -> None:
        raise ValueError(f"nonce {nonce} is not to my taste")

    def _exit(self, nonce: int) -> None:
        os._exit(_ENDS)

    def _segfault(self, nonce: int) -> None:
        ctypes.string_at(0)

    def _hold(self, nonce: int) -> None:
        mark = Path(self.folder) / str(nonce)
        if mark.exists():
            return
        # Renamed, so that whoever sees the name reads the whole number.
        half = mark.with_suffix(f".{os.getpid()}")
        half.write_text(str(os.getpid()))
        half.rename(mark)
        deadline = time.monotonic() + _HELD_SECONDS
        while time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def _slow(self, nonce: int) -> None:
        time.sleep(_SLOW_SECONDS)


_DEEDS: Final[Mapping[Deed, Callable[[Line, int], None]]] = {
    Deed.RAISE: Line._raise,
    Deed.EXIT: Line._exit,
    Deed.SEGFAULT: Line._segfault,
    Deed.HOLD: Line._hold,
    Deed.SLOW: Line._slow,
}

_SCHEMA: Final[Mapping[str, Any]] = {
    "features": [
        {"name": "nonce", "kind": "number", "minimum": 0, "maximum": 1000},
        {"name": "deed", "kind": "number", "minimum": 0, "maximum": 0},
    ],
    "target": {"name": "value", "task": "regression"},
}


def write(folder: Path, marks: Path) -> Mapping[int, Path]:
    """A model file for each version with its schema beside it, as `manage.py register` reads it."""
    files = {version: folder / f"line{version}.joblib" for version in VERSIONS}
    for version, path in files.items():
        joblib.dump(Line(version, str(marks)), path)
        path.with_suffix(".schema.json").write_text(json.dumps(_SCHEMA))
    return files


def record(nonce: int, deed: Deed = Deed.NOTHING) -> Mapping[str, int]:
    return {"nonce": nonce, "deed": int(deed)}
