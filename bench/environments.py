"""A virtual environment for each peer, built once from its pins, kept under var/peers."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

from bench.problem import BenchFailed
from bench.process import PYTHON, ROOT, run

HOME: Final = ROOT / "var" / "peers"
REQUIREMENTS: Final = ROOT / "bench" / "peers" / "requirements"
BUILD_SECONDS: Final = 900.0
_STAMP: Final = "weir-stamp"


def built(name: str) -> Path:
    """Where the environment of this name is, built now if its pins are new; raises BenchFailed."""
    home, pins = HOME / name, REQUIREMENTS / f"{name}.txt"
    stamp = sha256(pins.read_bytes()).hexdigest()
    if not _is_stamped(home, stamp):
        shutil.rmtree(home, ignore_errors=True)
        _build(home, pins)
        (home / _STAMP).write_text(stamp, encoding="ascii")
    return home


def version(name: str, package: str) -> str:
    """Of a package, by the pins."""
    lines = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    found = [line.partition("==")[2] for line in lines if line.startswith(f"{package}==")]
    return found[0] if found else "?"


def _is_stamped(home: Path, stamp: str) -> bool:
    try:
        return (home / _STAMP).read_text(encoding="ascii") == stamp
    except OSError:
        return False


def _build(home: Path, pins: Path) -> None:
    try:
        run([PYTHON, "-m", "venv", str(home)], {})
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([str(home / "bin" / "python"), *install, "-r", str(pins)], {}, BUILD_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchFailed(f"{home.name} could not be installed: {error}") from error
