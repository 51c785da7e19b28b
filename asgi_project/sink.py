"""What happens after each batch: its rows are written and counted, then shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

from django.db import InterfaceError, OperationalError

from inference import live
from inference.core.errors import StorageUnavailable
from inference.core.tickets import Part
from inference.core.types import Ticket
from inference.engine.rescue import Write
from inference.services import predictions


def sink(shard: Callable[[], str], wrote: Callable[[int, float], None]) -> Write:
    """For the writer's thread; `shard` is what this process counts under at the moment.

    `wrote` is told how many new rows were committed, in how many seconds. The sink raises
    StorageUnavailable if the fault is the database's and not the rows'.
    """

    def write(tickets: Sequence[Ticket]) -> None:
        parts = cast("Sequence[Part]", tickets)
        began = monotonic()
        try:
            new = predictions.record([row for part in parts for row in part.log], shard())
        except (OperationalError, InterfaceError) as error:
            raise StorageUnavailable from error
        wrote(new, monotonic() - began)
        live.predicted(parts)

    return write
