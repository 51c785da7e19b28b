"""Who goes first among those who wait: a wish of the caller, in Triton's words a priority."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """In this order; within a level whoever came first."""

    FIRST = 0
    USUAL = 1
    LAST = 2


def of_priority(priority: int) -> Level:
    """Triton's numbers: 1 is the highest, a larger one lower, 0 is what is usual."""
    return (Level.USUAL, Level.FIRST)[priority] if priority < 2 else Level.LAST
