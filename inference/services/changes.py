"""Whether a model's errors have become more, as ADWIN sees it, where `river` is installed.

Bifet, Gavalda, Learning from Time-Varying Data with Adaptive Windowing (SIAM SDM 2007): a window of
the newest values grows until two parts of it differ more than chance allows, and then forgets the
older one. What it has seen is not kept anywhere: it is read from the log again, so that a process
that has just started knows as much as one that has run for days, and several know the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from inference.core import alarms
from inference.core.alarms import Sight

WHY_NOT: Final = "river is not installed (pip install river), so changes are not looked for."
# Of a false alarm at any of the looks for one stream; the default of the authors' own software.
_DELTA: Final = 0.002


def available() -> bool:
    """Whether there is something to look with; asks for no import, which would take seconds."""
    return find_spec("river") is not None


def seen(right: Sequence[bool]) -> Sight | None:
    """What the last change says, oldest label first; None if there is none to look with."""
    if not right or not available():
        return None
    window = import_module("river.drift").ADWIN(delta=_DELTA)
    worse, before, after = False, 0.0, 0.0
    for each in right:
        known = window.estimation
        window.update(float(not each))
        if window.drift_detected:
            worse, before, after = window.estimation > known, known, window.estimation
    return alarms.of_change(before, after, worse=worse)
