"""What was done to algorithms, aliases and endpoints, row by row in a chain of hashes.

Called inside a transaction that began with `announce.registry_changed`, whose UPDATE lets one such
transaction work at a time: so each row finds the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from django.utils import timezone

from inference.core import audit
from inference.core.audit import START, Entry, Fault
from inference.models import NAME_LENGTH, WHY_LENGTH, AuditEntry, Endpoint, MLAlgorithm

_PIECE: Final = 500  # rows that are read at once


class What(StrEnum):
    """The acts that are written down."""

    TRANSITION = "transition"
    EVALUATION = "evaluation"
    ALIAS_MOVED = "alias_moved"
    ALIAS_DROPPED = "alias_dropped"
    FORCED = "forced"  # a promotion of what is not blessed; its transition follows
    ROLLBACK = "rollback"  # its transitions follow
    LOG_MODE = "log_mode"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an act rests on: the test that it belongs to, what was known, and why it was done."""

    why: str = ""
    abtest: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


NO_GROUNDS: Final = Grounds()


@dataclass(frozen=True, slots=True)
class Change:
    """What it was and what it is now: a status, an algorithm's id, a mode."""

    before: str
    after: str


def note(
    what: What,
    about: MLAlgorithm | Endpoint,
    change: Change,
    *,
    by: str,
    grounds: Grounds = NO_GROUNDS,
) -> AuditEntry:
    """Write it down, in the transaction of the act."""
    last = AuditEntry.objects.order_by("-id").values_list("id", "hash").first()
    number, previous = last or (0, START)
    algorithm = about if isinstance(about, MLAlgorithm) else None
    endpoint = about if isinstance(about, Endpoint) else about.parent_endpoint
    entry = Entry(
        id=number + 1,
        made_at=timezone.now().astimezone(UTC).isoformat(timespec="microseconds"),
        made_by=by[:NAME_LENGTH],
        what=what.value,
        endpoint=endpoint.name,
        algorithm=None if algorithm is None else algorithm.pk,
        abtest=grounds.abtest,
        before=change.before,
        after=change.after,
        why=grounds.why[:WHY_LENGTH],
        evidence=audit.plain(grounds.evidence),
        previous=previous,
    )
    return AuditEntry.objects.create(
        **{name: getattr(entry, name) for name in Entry.__slots__}, hash=entry.hash
    )


def fault() -> Fault | None:
    """The first row that somebody changed, dropped or put in; None if the chain is whole."""
    return audit.fault(_rows())


def head() -> tuple[int, str] | None:
    """Number and hash of the last row, to be kept elsewhere; None before there is one."""
    return AuditEntry.objects.order_by("-id").values_list("id", "hash").first()


def _rows() -> Iterator[tuple[Entry, str]]:
    for row in AuditEntry.objects.order_by("id").iterator(_PIECE):
        yield _entry(row), row.hash


def _entry(row: AuditEntry) -> Entry:
    values = {name: getattr(row, name) for name in Entry.__slots__}
    made: datetime | None = row.made_at  # None, if somebody wrote there what is no moment
    moment = made.astimezone(UTC).isoformat(timespec="microseconds") if made else ""
    return Entry(**{**values, "made_at": moment})
