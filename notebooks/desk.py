"""What the notebooks share: a command of the server's, a wait with a deadline, and a plot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from IPython.display import SVG

ROOT: Final = Path(__file__).resolve().parent.parent
URL: Final = os.environ.get("WEIR_URL", "http://127.0.0.1:8000")
Found = TypeVar("Found")

_COLOURS: Final = ("#2563eb", "#d97706", "#059669")
_FRAME: Final = 'xmlns="http://www.w3.org/2000/svg" width="600" height="215" font-size="13"'


def manage(*words: object) -> dict[str, Any]:
    """What a step says as JSON; raises with its words if it could not be taken.

    One that was taken, and found something that does not pass, says so in what it says.
    """
    environment = {"WEIR_PROFILE": "open", **os.environ}
    environment.pop("WEIR_URL", None)  # a name of the notebooks, not of the server
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "manage.py", *map(str, words), "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1} or not done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def until(found: Callable[[], Found | None], seconds: float = 30.0) -> Found:
    """What is found in the end; the server looks for what is new every second."""
    deadline = time.monotonic() + seconds
    while (thing := found()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {seconds:.0f} s")
        time.sleep(0.2)
    return thing


def lines(title: str, **series: Sequence[float]) -> SVG:
    """Each series as a line from left to right, all on one scale."""
    everything = [value for values in series.values() for value in values]
    low, high = min(everything), max(everything)
    drawn = [f'<text x="8" y="16">{title}: {low:.3g} to {high:.3g}</text>']
    for at, (name, values) in enumerate(series.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        points = _points(values, low, high)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        drawn.append(f'<text x="{20 + 180 * at}" y="205" fill="{colour}">{name}</text>')
    return SVG(f'<svg {_FRAME} font-family="sans-serif">{"".join(drawn)}</svg>')


def _points(values: Sequence[float], low: float, high: float) -> str:
    step, scale = 560 / max(1, len(values) - 1), (high - low) or 1.0
    return " ".join(
        f"{20 + at * step:.1f},{180 - (value - low) / scale * 140:.1f}"
        for at, value in enumerate(values)
    )
