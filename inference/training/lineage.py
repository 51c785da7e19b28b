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
_CODE: Final = Path(__file__).resolve().parent


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
    """The libraries, and the revision of the working tree.

    That is where the command was given, or else, as by a scheduler, where this code lies.
    """
    told = {"packages": pack.libraries(), "python": platform.python_version()}
    for tree in (Path.cwd(), _CODE):
        if revision := _git(tree, "rev-parse", "HEAD"):
            changed = bool(_git(tree, "status", "--porcelain"))
            return told | {"git_revision": revision, "git_changed": changed}
    return told


def fingerprint(outputs: Matrix) -> str:
    """sha256 of what a model says, bit by bit: two runs that give the same made the same model."""
    plain = np.ascontiguousarray(outputs, dtype="<f8")
    return hashlib.sha256(plain.tobytes()).hexdigest()


def _git(tree: Path, *words: str) -> str:
    """What git says there; nothing where there is no git, or nothing that it looks after."""
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603  # our own words
            [git, *words],
            cwd=tree,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
