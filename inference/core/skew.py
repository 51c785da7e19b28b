"""How old an entry of a stream is, told by no clock but Redis' own.

The id of an entry begins with the moment it was added, in milliseconds of the clock over there. The
clocks of two machines may be hours apart, so what is kept is their difference, taken anew again and
again.
"""

from __future__ import annotations


class Skew:
    """Difference between Redis' clock and one's own, both in seconds."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    def observe(self, theirs: float, asked: float, answered: float) -> None:
        """`theirs` was read somewhere between the moments we asked and were answered."""
        self._ahead = theirs - (asked + answered) / 2

    def age(self, entry_id: bytes, now: float) -> float:
        """Seconds since the entry was added; 0 while nothing is known, and never less."""
        if self._ahead is None:
            return 0.0
        added = int(entry_id.partition(b"-")[0]) / 1000
        return max(0.0, now + self._ahead - added)
