"""Environments of their own for what others wrote, which need not fit beside what we use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.processes import missing
from tests.servers import ROOT

CLIENTS: Final = ROOT / "tests" / "clients"
UV: Final = Path(sys.executable).with_name("uv")
SECONDS: Final = 300.0


def environment(place: Path, pins: Path) -> Path:
    """A Python with what is pinned; on a laptop without a network there is none, and no test."""
    python = place / "bin" / "python"
    try:
        _uv("venv", str(place), "--python", sys.executable)
        _uv("pip", "install", "--require-hashes", "--python", str(python), "-r", str(pins))
    except (subprocess.SubprocessError, OSError) as error:
        why = f"the clients could not be installed: {getattr(error, 'stderr', '') or error}"
        missing(why)
    return python


def _uv(*words: str) -> None:
    subprocess.run(
        [UV, "--quiet", *words], check=True, capture_output=True, text=True, timeout=SECONDS
    )
