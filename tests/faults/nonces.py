"""What is asked, and what must be answered to it; as light as the clients that ask.

A request is known by its nonce. The answer is `3 * nonce + version`, exact in a double for every
nonce that is used here, so a crossed answer, or one of another version than it says, cannot go
unnoticed. A row may also carry a deed, by which the model misbehaves while it computes that row.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

SLOPE: Final = 3  # more than there are versions
VERSIONS: Final = (1, 2)


class Deed(IntEnum):
    """What a row makes the model do before it is answered."""

    NOTHING = 0
    RAISE = 1
    EXIT = 2  # as if the system had run out of memory
    SEGFAULT = 3
    HOLD = 4  # the first time it is tried: wait in the middle of the batch for somebody to kill us
    SLOW = 5


def value(nonce: int, version: int) -> int:
    """What the row of this nonce must be answered by this version."""
    return SLOPE * nonce + version


def version_of(nonce: int, answer: float) -> int | None:
    """Which version says so of this nonce; None if none does."""
    return next((each for each in VERSIONS if value(nonce, each) == answer), None)


def record(nonce: int, deed: Deed = Deed.NOTHING) -> Mapping[str, int]:
    return {"nonce": nonce, "deed": int(deed)}
