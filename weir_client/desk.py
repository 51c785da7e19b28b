"""What both clients do the same: names for what may be sent again, time for it, and its errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import httpx

from weir_client.address import Address
from weir_client.calls import Call
from weir_client.errors import Interrupted, LineError, NotLogged, TimedOut, Unreachable, WeirError
from weir_client.retries import ONCE, Course, Retries

T = TypeVar("T")

TIMEOUT: Final = 10.0  # seconds for one try
RETRIES: Final = Retries()
_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


@dataclass(slots=True)
class Attempt(Generic[T]):
    """A call on its way, which may lose its name if the server has no use for names."""

    call: Call[T]
    course: Course
    path_unlogged: set[str]
    most: float
    ours: bool

    def timeout(self, now: float) -> float:
        """Seconds for the next try."""
        return min(self.most, self.course.left(now))

    def pause(self, error: WeirError, now: float) -> float:
        """Seconds before the next try; raises `error` if there is none."""
        if self.ours and isinstance(error, NotLogged):
            self.path_unlogged.add(self.call.path)
            self.call, self.ours = self.call.nameless(), False
            return 0.0
        return self.course.pause(error, now, repeatable=self.call.repeatable)


class Desk:
    """Where the server is, how patient we are with it, and which paths it keeps no log of."""

    def __init__(self, address: Address, timeout: float, retries: Retries | None) -> None:
        self.address = address
        self.timeout = _checked(timeout)
        self.policy = retries or ONCE
        self._unlogged: set[str] = set()

    def begin(self, call: Call[T], now: float, timeout: float | None = None) -> Attempt[T]:
        """`timeout` is for all tries together; without it each has the client's own.

        Raises ValueError for no time at all.
        """
        total = self.policy.total if timeout is None else _checked(timeout)
        most = self.timeout if timeout is None else timeout
        return Attempt(call, Course(self.policy, now + total), self._unlogged, most, ours=False)

    def predict(
        self, call: Call[T], now: float, timeout: float | None, key: str = ""
    ) -> Attempt[T]:
        """With a name of ours or of the caller's, unless there is no second try to be had.

        A name costs the server a commit of its own.
        """
        if key:
            return self.begin(call.named(key), now, timeout)
        if self.policy.attempts <= 1 or call.path in self._unlogged:
            return self.begin(call, now, timeout)
        attempt = self.begin(call.named(), now, timeout)
        attempt.ours = True
        return attempt


def _checked(timeout: float) -> float:
    """Without any time a request would leave and its answer would not be read."""
    if not timeout > 0:
        raise ValueError(f"timeout is more than 0 seconds, not {timeout}.")
    return timeout


def of_transport(error: httpx.TransportError, address: Address) -> LineError:
    """What a connection that failed means for the request that was on it."""
    if isinstance(error, _NEVER_SENT):
        return Unreachable(f"Nothing answers at {address.url} ({error}).")
    if isinstance(error, httpx.TimeoutException):
        return TimedOut()
    return Interrupted(f"The connection to {address.url} broke ({error!r}).")
