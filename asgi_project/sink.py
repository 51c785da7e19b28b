"""What happens after each batch: its rows are written and counted, then shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

from django.db import InterfaceError, OperationalError

from inference import live
from inference.core.errors import StorageUnavailable
from inference.core.tickets import Part
from inference.core.types import PredictionRow, Ticket
from inference.engine.rescue import Write
from inference.services import predictions, shadows


def sink(shard: Callable[[], str], wrote: Callable[[int, float], None]) -> Write:
    """For the writer's thread; `shard` is what this process counts under at the moment.

    `wrote` is told how many new rows were committed, in how many seconds. The sink raises
    StorageUnavailable if the fault is the database's and not the rows'.
    """

    def write(tickets: Sequence[Ticket]) -> None:
        parts = cast("Sequence[Part]", tickets)
        began = monotonic()
        try:
            new = _write(parts, shard())
        except (OperationalError, InterfaceError) as error:
            raise StorageUnavailable from error
        wrote(new, monotonic() - began)
        live.predicted([part for part in parts if not part.context.shadow])

    return write


def _write(parts: Sequence[Part], shard: str) -> int:
    """What was answered first: what is compared with it needs its row."""
    new = predictions.record(_rows(parts, shadow=False), shard)
    if mirrored := _rows(parts, shadow=True):
        shadows.record(mirrored, shard)
    return new


def _rows(parts: Sequence[Part], *, shadow: bool) -> list[PredictionRow]:
    return [row for part in parts if part.context.shadow is shadow for row in part.log]
