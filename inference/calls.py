"""Requests as those see them who look on: counted at each door and, where wanted, traced and noted.

A door makes a `Call` when it recognises a request, hands it to the gateway, which puts in what it
began, and says how it ended. That is all a further door has to do: `Call(V2, endpoint, scope)`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping, Sequence
from time import monotonic
from typing import Any, Final

from inference.core.census import OK, Requests, outcome
from inference.core.tickets import Part
from inference.gateway import Pending

log = logging.getLogger(__name__)

REST: Final = Requests("rest")  # JSON, answered by the data plane
DJANGO: Final = Requests("django")  # forms, sessions and the browsable API
WEBSOCKET: Final = Requests("ws")
V2: Final = Requests("v2")  # for the Open Inference Protocol
DOORS: Final = (REST, DJANGO, WEBSOCKET, V2)

GONE: Final = "gone"  # its caller hung up before it ended
ACCEPTED: Final = "accepted"  # it will be answered later
NOTES: Final = "weir.notes"  # in the scope of a request that is written down


class Call:
    """One request, from the moment it is recognised until its answer can be sent.

    Ends exactly once. `begun` stays None for what is refused, and for what is answered from the
    log. (Made for each request: no dataclass, and nothing is worked out before it is wanted.)
    """

    __slots__ = ("begun", "door", "endpoint", "scope", "since")

    def __init__(
        self, door: Requests, endpoint: str, scope: MutableMapping[str, Any] | None
    ) -> None:
        """Without a scope it is counted, and nobody sees more of it."""
        self.door = door
        self.endpoint = endpoint
        self.scope = scope
        self.begun: Pending | None = None
        self.since = monotonic()

    def begins(self) -> None:
        """It is here as a whole; until now it took as long as its caller did."""
        self.since = monotonic()

    @property
    def parts(self) -> Sequence[Part]:
        return () if self.begun is None else self.begun.parts

    def answered(self) -> None:
        """All that was begun is settled; rows may have errors of their own."""
        seconds = monotonic() - self.since
        if self.begun is None:
            self.door.ended(_model(self.endpoint), (), OK, seconds)
        else:
            self.door.answered(self.endpoint, self.begun.parts, seconds)
        if self.scope is not None and (_onlooker is not None or NOTES in self.scope):
            self._tell(outcome(self.parts), seconds)

    def ended(self, how: str) -> None:
        """Otherwise: `how` is the code of an error, GONE or ACCEPTED."""
        seconds = monotonic() - self.since
        model = self.endpoint if self.begun is not None else _model(self.endpoint)
        self.door.ended(model, self.parts, how, seconds)
        if self.scope is not None and (_onlooker is not None or NOTES in self.scope):
            self._tell(how, seconds)

    def _tell(self, how: str, seconds: float) -> None:
        trace = self._trace(how, seconds)
        notes = (self.scope or {}).get(NOTES)
        if notes is not None:
            self._note(notes, how, trace)

    def _trace(self, how: str, seconds: float) -> str:
        if _onlooker is None:
            return ""
        try:
            return _onlooker(self, how, seconds)
        except Exception:  # whoever looks on must not stop what is looked at
            log.exception("an onlooker failed")
            return ""

    def _note(self, notes: dict[str, Any], how: str, trace: str) -> None:
        """A socket has many calls in one scope: rows add up, and outcomes are counted elsewhere."""
        notes["rows"] = notes.get("rows", 0) + sum(len(part.ids) for part in self.parts)
        if self.door is not WEBSOCKET:
            notes["outcome"] = how
            if trace:
                notes["trace"] = trace


# Told of each call that ended, how, and after how many seconds; returns the id of its trace.
Onlooker = Callable[[Call, str, float], str]

_onlooker: Onlooker | None = None
_known: Callable[[str], bool] = lambda _: False  # noqa: E731  # replaced as a whole


def install(known: Callable[[str], bool], onlooker: Onlooker | None = None) -> None:
    """Called by the composition root; `known` tells whether there is an endpoint of that name."""
    global _known, _onlooker  # as the gateway: adapters cannot be handed it
    _known, _onlooker = known, onlooker


def looked_on() -> bool:
    """Whether anybody wants to see more of a call than how it is counted: the scope it came in."""
    return _onlooker is not None


def _model(endpoint: str) -> str:
    """As a label: a name that nobody serves is the caller's own invention."""
    return endpoint if _known(endpoint) else ""
