"""Which failures are worth another try, and when: pure, told the time by whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

from weir_client.errors import InProgress, NotYet, WeirError

# These say that nothing was done, so that the same request may be sent whatever it was.
NOT_BEGUN: Final = frozenset({"unreachable", "overloaded", "draining", "rate_limited"})
# After these nobody knows, or it may be logged: only what cannot count twice is sent again.
UNCERTAIN: Final = frozenset(
    {
        "interrupted",
        "timed_out",
        "unavailable",
        "in_progress",
        "deadline_exceeded",
        "model_unavailable",
        "queue_unavailable",
        "storage_unavailable",
    }
)

_dice: Final = SystemRandom().random


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `attempts` tries within `total` seconds.

    The n-th pause is what the server asked for, and a random part of `first` seconds doubled n-1
    times, at most of `longest`: those who were refused together do not come back together.
    """

    attempts: int = 5
    total: float = 30.0
    first: float = 0.1
    longest: float = 5.0

    def pause(
        self, failed: int, retry_after: float | None, dice: Callable[[], float] = _dice
    ) -> float:
        """Seconds until the next try, after `failed` of them."""
        most = min(self.longest, self.first * 2.0 ** min(failed - 1, 30))
        return (retry_after or 0.0) + dice() * most


ONCE: Final = Retries(attempts=1)


def worth(error: WeirError, *, repeatable: bool) -> bool:
    """Whether the same request may be sent again after this."""
    return error.code in NOT_BEGUN or (repeatable and error.code in UNCERTAIN)


class Course:
    """One request on its way through its tries, which end at `deadline` on the caller's clock."""

    def __init__(self, policy: Retries, deadline: float) -> None:
        self._policy = policy
        self._deadline = deadline
        self._failed = 0

    def left(self, now: float) -> float:
        """Seconds until all of it has taken too long."""
        return max(0.0, self._deadline - now)

    def pause(self, error: WeirError, now: float, *, repeatable: bool) -> float:
        """Seconds to wait before the next try; raises `error` if there is none."""
        if isinstance(error, NotYet) or (repeatable and isinstance(error, InProgress)):
            wait = error.retry_after or self._policy.first  # nothing failed, so it may be often
        else:
            self._failed += 1
            if self._failed >= self._policy.attempts or not worth(error, repeatable=repeatable):
                raise error
            wait = self._policy.pause(self._failed, error.retry_after)
        if wait >= self.left(now):
            raise error
        return wait
