"""Writes what can be written of tickets that cannot all be written together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic

from inference.core.bisection import Bisection
from inference.core.errors import StorageUnavailable
from inference.core.types import Ticket

logger = logging.getLogger(__name__)

# One call, one transaction. Idempotent: it is tried again with fewer tickets when it raises, unless
# what it raises is StorageUnavailable.
Write = Callable[[Sequence[Ticket]], None]


def write_all(write: Write, tickets: Sequence[Ticket], patience: float) -> frozenset[int]:
    """Write them, together if that works; the indices of those that could not be written.

    `patience` bounds the search for the bad ones, in seconds; what is untried then is not written.
    Raises StorageUnavailable if the first try does: then no ticket is to blame.
    """
    failed: set[int] = set()
    error: Exception | None = None
    until = inf
    plan = Bisection(len(tickets))
    while (span := plan.next()) is not None:
        if monotonic() > until:
            failed.update(range(*span))
        elif (trouble := _trouble(write, tickets[span.start : span.stop])) is not None:
            if error is None and isinstance(trouble, StorageUnavailable):
                raise trouble
            error, until = trouble, min(until, monotonic() + patience)
            failed.update((span.start,) if plan.failed(span) else ())
    if error is not None:
        extra = {"tickets": len(tickets), "failed": len(failed)}
        logger.error("tickets could not be written together", exc_info=error, extra=extra)
    return frozenset(failed)


def _trouble(write: Write, tickets: Sequence[Ticket]) -> Exception | None:
    try:
        write(tickets)
    except Exception as error:  # noqa: BLE001  # somebody else's code, on a background thread
        return error
    return None
