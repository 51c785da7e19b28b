"""Whether a queue stands, or only had a burst to swallow.

A burst is worked off and leaves nothing behind; a queue that is never short is what more comes in
than goes out leaves, and waiting in it helps nobody (controlled delay, RFC 8289).
"""

from __future__ import annotations

from math import inf

INTERVAL = 0.5  # seconds; a queue that was short for once within it does not stand


class Standing:
    """Told at each arrival whether the queue is longer than it has to be."""

    __slots__ = ("_last", "_since")

    def __init__(self) -> None:
        self._since = self._last = -inf  # the first and the last time it was too long

    def look(self, now: float, *, long: bool) -> bool:
        """Whether it stands; once it does, it must be short for a whole interval to stand no more.

        What is refused while it stands makes it short at once, which is no proof of anything.
        """
        if long:
            if now - self._last > INTERVAL:
                self._since = now
            self._last = now
        elif not self._stood:
            self._last = -inf
        return self.stands(now)

    def stands(self, now: float) -> bool:
        """By what was told so far."""
        return self._stood and now - self._last <= INTERVAL

    @property
    def _stood(self) -> bool:
        return self._last - self._since >= INTERVAL
