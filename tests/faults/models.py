"""The model that answers as `nonces` demands, and does what its rows tell it to."""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin

from tests.faults.nonces import SLOPE, VERSIONS, Deed

Matrix = npt.NDArray[np.float64]

_LOOK_SECONDS: Final = 0.01
_HELD_SECONDS: Final = 60.0
_SLOW_SECONDS: Final = 0.3
_ENDS: Final = 9


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
