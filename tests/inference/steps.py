"""What the tests of the steps share: how one is run, and rows to run it on."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command


def run(*words: str | Path | int) -> str:
    """What the command printed."""
    out = io.StringIO()
    call_command(*(str(word) for word in words), stdout=out)
    return out.getvalue()


def told(*words: str | Path | int) -> Any:
    """What it said as JSON."""
    return json.loads(run(*words, "--json"))


def refused(*words: str | Path | int) -> tuple[int, Any]:
    """With which code the process would end, and what it said as JSON."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*(str(word) for word in words), "--json", stdout=out)
    return caught.value.returncode, json.loads(out.getvalue())


def people(path: Path, count: int = 300, seed: int = 1) -> Path:
    """A CSV: who works long earns more, mostly; some of it is unknown."""
    dice = np.random.default_rng(seed)
    lines = ["age,work,hours,income"]
    for at in range(count):
        hours = int(dice.integers(0, 80))
        work = "?" if at % 13 == 0 else str(dice.choice(["none", "office", "outdoors"]))
        high = hours + dice.normal(0, 8) > 40
        lines.append(f"{dice.integers(18, 90)},{work},{hours},{'high' if high else 'low'}")
    path.write_text("\n".join(lines) + "\n")
    return path
