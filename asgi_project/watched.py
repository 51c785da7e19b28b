"""What of the batches of this process is counted, if anything is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from asgi_project.env import Environment
from asgi_project.figures import Figures
from inference.core.reference import Reference
from inference.engine.base import BatchReport
from inference.engine.serving import Observer
from inference.opening import Opened
from inference.registry import Snapshot
from inference.services import drifting, monitoring
from inference.watching import LOOK, Looking, Watching


def watching(
    env: Environment, snapshot: Callable[[], Snapshot], shard: Callable[[], str]
) -> Watching | None:
    """Of the models that are loaded here; None where the operator wants no counts."""

    def find(algorithm_id: int) -> Reference | None:
        served = snapshot().served.get(algorithm_id)
        model = None if served is None else served.model
        return None if model is None else cast("Opened", model).reference

    if not env.drift_window_seconds:
        return None
    return Watching(find, drifting.record, shard, env.drift_window_seconds)


def looking(env: Environment) -> Looking | None:
    """None where nothing is counted."""
    seconds = env.drift_window_seconds
    if not seconds:
        return None
    look = partial(monitoring.look, seconds=seconds)
    return Looking(look, min(LOOK, seconds))


def observer(figures: Figures, watching: Watching | None) -> Observer:
    """Whom batches are told."""
    if watching is None:
        return figures.ran
    ran, saw = figures.ran, watching.saw

    def told(report: BatchReport) -> None:
        ran(report)
        saw(report)

    return told
