"""What a run broke: journals, log rows, tallies and queues are compared, and nothing is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.faults import nonces
from tests.faults.journal import Entry, Event
from tests.faults.recovery import backlog, recovery

_SHOWN: Final = 5
# Whoever was promised an answer for later waits at most until the lease of ten seconds has ended
# that the process had which was at it.
BACKLOG_SECONDS: Final = 15.0
_AWAY: Final = (
    "overloaded",
    "draining",
    "queue_unavailable",
    "storage_unavailable",
    "model_unavailable",
)
# Refusals that a caller may meet while something is away; each says what to do.
REFUSALS: Final = frozenset(
    {
        *(f"{door} {code}" for code in _AWAY for door in ("503", "frame")),
        "504 deadline_exceeded",
        "frame deadline_exceeded",
        "409 in_progress",
        "frame in_progress",
    }
)


class Row(NamedTuple):
    """One row of the log; `value` is None if the prediction failed."""

    id: int
    nonce: int
    value: float | None
    version: str
    feedback: str | None = None


class Counts(NamedTuple):
    """What is known of an arm, from its tallies or from its rows."""

    exposures: int = 0
    errors: int = 0
    labelled: int = 0
    absolute_error: float = 0.0
    squared_error: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run left behind. `leftovers` says how much is still in which queue."""

    entries: Sequence[Entry]
    rows: Sequence[Row]
    tallies: Mapping[int, Counts] = field(default_factory=dict)
    recount: Mapping[int, Counts] = field(default_factory=dict)
    leftovers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is held to: so many seconds after `healed_at` everybody is served again."""

    healed_at: float
    within: float
    allowed: Collection[str] = REFUSALS


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of a run and, per promise, who can testify that it was broken."""

    sent: int
    answered: int
    refused: int
    recovery: float | None
    broken: Mapping[str, Sequence[str]]

    @property
    def kept(self) -> bool:
        return not self.broken

    def __str__(self) -> str:
        lines = [f"{self.sent} sent, {self.answered} answered, {self.refused} refused"]
        for promise, witnesses in self.broken.items():
            more = "" if len(witnesses) <= _SHOWN else f", and {len(witnesses) - _SHOWN} more"
            lines.append(f"{promise}: {'; '.join(witnesses[:_SHOWN])}{more}")
        return "\n".join(lines)


def check(evidence: Evidence, terms: Terms) -> Report:
    """Every promise is looked at, whatever became of the others."""
    entries, rows = evidence.entries, evidence.rows
    events = Counter(entry.event for entry in entries)
    recovered = recovery(entries, terms.healed_at)
    found = {
        "accepted and lost": [*unanswered(entries), *unlogged(entries, rows)],
        "logged twice": logged_twice(rows),
        "crossed": [*wrong(entries), *crossed(entries, rows)],
        "delivered twice": delivered_twice(entries),
        "feedback lost": unlabelled(entries, rows),
        "tallies off": tallies_off(evidence.tallies, evidence.recount),
        "left in a queue": [f"{name} holds {n}" for name, n in evidence.leftovers.items() if n],
        "unexpected": unexpected(entries, terms.allowed),
        "recovered too late": _late(recovered, terms.within),
        "kept waiting": _late(backlog(entries, terms.healed_at), BACKLOG_SECONDS),
    }
    return Report(
        sent=events[Event.SENT],
        answered=events[Event.ANSWERED],
        refused=events[Event.REFUSED] + events[Event.BROKEN],
        recovery=recovered,
        broken={promise: witnesses for promise, witnesses in found.items() if witnesses},
    )


def unanswered(entries: Sequence[Entry]) -> list[str]:
    """Accepted for later, and later never came."""
    promised = {entry.nonce for entry in entries if entry.event is Event.ACCEPTED}
    answered = {entry.nonce for entry in entries if entry.event is Event.ANSWERED}
    return [f"{nonce} was never answered" for nonce in sorted(promised - answered)]


def unlogged(entries: Sequence[Entry], rows: Sequence[Row]) -> list[str]:
    """Accepted or answered without a row in the log."""
    logged = {row.nonce for row in rows}
    kept = {e.nonce for e in entries if e.event in {Event.ACCEPTED, Event.ANSWERED}}
    return [f"{nonce} has no row" for nonce in sorted(kept - logged)]


def logged_twice(rows: Sequence[Row]) -> list[str]:
    """A nonce is one request, however often it was sent, retried or delivered."""
    times = Counter(row.nonce for row in rows)
    return [f"{nonce} has {n} rows" for nonce, n in sorted(times.items()) if n > 1]


def wrong(entries: Sequence[Entry]) -> list[str]:
    """Answers that the version they name would not have given to this request."""
    return [
        f"{entry.nonce} was answered {entry.value} by version {entry.version}"
        for entry in entries
        if entry.event is Event.ANSWERED
        and entry.value is not None
        and str(nonces.version_of(entry.nonce, entry.value)) != entry.version
    ]


def crossed(entries: Sequence[Entry], rows: Sequence[Row]) -> list[str]:
    """Answers that name another request's row, or a row that says something else."""
    by_id = {row.id: row for row in rows}
    return [
        f"{entry.nonce} was told row {entry.request_id}, which says {by_id[entry.request_id]}"
        for entry in entries
        if entry.event is Event.ANSWERED
        and entry.request_id in by_id
        and _differs(entry, by_id[entry.request_id])
    ]


def _differs(entry: Entry, row: Row) -> bool:
    return (row.nonce, row.value, row.version) != (entry.nonce, entry.value, entry.version)


def delivered_twice(entries: Sequence[Entry]) -> list[str]:
    """The same answer twice on one connection."""
    times = Counter(
        (e.client, e.connection, e.nonce)
        for e in entries
        if e.event is Event.ANSWERED and e.connection
    )
    return [f"{client} got {nonce} {n} times" for (client, _, nonce), n in times.items() if n > 1]


def unlabelled(entries: Sequence[Entry], rows: Sequence[Row]) -> list[str]:
    """Feedback that was taken and is not in the log."""
    known = {row.nonce: row.feedback for row in rows}
    return [
        f"{entry.nonce} was labelled {entry.label}, the row says {known.get(entry.nonce)}"
        for entry in entries
        if entry.event is Event.LABELLED and known.get(entry.nonce) != entry.label
    ]


def tallies_off(tallies: Mapping[int, Counts], recount: Mapping[int, Counts]) -> list[str]:
    """Arms whose tally is not what their rows add up to."""
    return [
        f"arm {arm} counted {tallies.get(arm, Counts())}, its rows say {recount.get(arm, Counts())}"
        for arm in sorted(tallies.keys() | recount.keys())
        if tallies.get(arm, Counts()) != recount.get(arm, Counts())
    ]


def unexpected(entries: Sequence[Entry], allowed: Collection[str]) -> list[str]:
    """Errors that this fault does not excuse, with how often they came."""
    codes = Counter(
        entry.code
        for entry in entries
        if entry.event in {Event.REFUSED, Event.ANSWERED} and entry.code not in {"", *allowed}
    )
    return [f"{code} ({n} times)" for code, n in codes.most_common()]


def _late(recovered: float | None, within: float) -> list[str]:
    if recovered is None:
        return ["somebody was not served again"]
    return [] if recovered <= within else [f"after {recovered:.1f} s, {within:.0f} s are promised"]
