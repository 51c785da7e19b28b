"""When a request that was accepted is tried again, and when it has been tried enough.

A request that is refused, for lack of room, of a model or of time, comes back later. One whose
process ended with it is suspected of having ended it, and gets few more chances.
"""

from __future__ import annotations

from typing import Final

from inference.core.errors import InputError, ModelError, WeirError

LEASE: Final = 10.0  # seconds that a request belongs to whoever took it or renewed it last
KEPT: Final = 24 * 3600.0  # seconds that an accepted request is tried for, and a receipt is kept
MOST_DEATHS: Final = 3
LONGEST_PAUSE: Final = 60.0


def pause(refusals: int) -> float:
    """Seconds until the next try, after so many that were refused before this one."""
    return min(0.5 * 2.0 ** min(refusals, 10), LONGEST_PAUSE)


def enough(error: WeirError, age: float) -> bool:
    """Whether that was the last try. `age` is in seconds since the request was accepted.

    What was sent does not change, so what cannot be used today cannot be used tomorrow.
    """
    return isinstance(error, InputError) or age >= KEPT


def suspicion(attempts: int, refusals: int) -> WeirError | None:
    """Why it shall not be tried again, before the try that is counted in `attempts` already."""
    deaths = attempts - refusals - 1
    if deaths < MOST_DEATHS:
        return None
    return ModelError(f"The process that ran this request ended, {deaths} times.")
