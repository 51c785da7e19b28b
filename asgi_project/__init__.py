"""The composition root: it knows every other package and none of them knows it."""

from __future__ import annotations

import re
from pathlib import Path

_CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
_RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\]", re.MULTILINE)


def version() -> str:
    """The newest release in the changelog, which is the only place that states it."""
    release = _RELEASE.search(_CHANGELOG.read_text(encoding="utf-8"))
    return release.group(1) if release else "0.0.0"
