"""How long it took until everybody was served again, by what clients wrote down."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from tests.faults.journal import Entry, Event

PROBE: Final = "probe"  # a client who asks now and then: nobody waits for him to come back


def recovery(entries: Sequence[Entry], healed_at: float) -> float | None:
    """Seconds until every client was served again, and who had asked before was answered.

    None while a client still waits for the first answer since; those who were told that they get
    none are not waited for, and those who were promised one for later are looked at apart.
    """
    served: dict[str, float] = {}
    for entry in entries:
        if entry.event is Event.ANSWERED and entry.at >= healed_at:
            served[entry.client] = min(entry.at, served.get(entry.client, entry.at))
    if {entry.client for entry in entries} - {PROBE} - served.keys():
        return None
    late = _late_answers(entries, healed_at, promised=False)
    return max([healed_at, *served.values(), *late]) - healed_at


def backlog(entries: Sequence[Entry], healed_at: float) -> float:
    """Seconds until those were answered who had been promised it before."""
    return max([healed_at, *_late_answers(entries, healed_at, promised=True)]) - healed_at


def _late_answers(entries: Sequence[Entry], healed_at: float, *, promised: bool) -> list[float]:
    """When those were answered, later than `healed_at`, who had asked before."""
    asked = {e.nonce for e in entries if e.event is Event.SENT and e.at < healed_at}
    later = {e.nonce for e in entries if e.event is Event.ACCEPTED}
    those = asked & later if promised else asked - later
    return [e.at for e in _firsts(entries) if e.at >= healed_at and e.nonce in those]


def _firsts(entries: Sequence[Entry]) -> Collection[Entry]:
    """The first answer to each request."""
    firsts: dict[int, Entry] = {}
    for entry in entries:
        if entry.event is Event.ANSWERED:
            firsts.setdefault(entry.nonce, entry)
    return firsts.values()
