"""Where a model comes from: what one needs to know to make it again."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np

from inference.core.tensors import Matrix
from inference.training import pack
from inference.training.files import Table

_PATIENCE: Final = 10.0  # seconds for git


def of_data(train: Table, held_out: Table) -> dict[str, Any]:
    """Which rows were learnt from, and by which the result was measured."""
    return {
        "data_sha256": train.about.sha256,
        "held_out_sha256": held_out.about.sha256,
        "rows": len(train),
        "window": train.about.window,
        "source": train.about.source,
    }


def of_place() -> dict[str, Any]:
    """The libraries, and the revision of the working tree, if this is one."""
    revision = _git("rev-parse", "HEAD")
    told = {"packages": pack.libraries(), "python": platform.python_version()}
    if not revision:
        return told
    return told | {"git_revision": revision, "git_changed": bool(_git("status", "--porcelain"))}


def fingerprint(outputs: Matrix) -> str:
    """sha256 of what a model says, bit by bit: two runs that give the same made the same model."""
    plain = np.ascontiguousarray(outputs, dtype="<f8")
    return hashlib.sha256(plain.tobytes()).hexdigest()


def _git(*words: str) -> str:
    """What git says here; nothing where there is no git, or nothing that it looks after."""
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603  # our own words
            [git, *words],
            cwd=Path.cwd(),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
