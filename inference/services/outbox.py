"""What was accepted to be answered later: who is at it, when it is tried again, how it ends.

Verbs for the ledger, as in `receipts`. Nothing is locked: whoever moves `due_at` on has the row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from django.db.models import DurationField, ExpressionWrapper, F
from django.utils import timezone

from inference.core import receipts, rows
from inference.core.answers import ERROR_LABEL, failure
from inference.core.errors import WeirError
from inference.core.perseverance import LEASE
from inference.core.types import PredictionRow
from inference.models import Outbox
from inference.services import moments, predictions

# Rows without an arm are counted nowhere, so this writer is in nobody's way.
_SHARD: Final = "outbox"
_AGE: Final = ExpressionWrapper(moments.now() - F("created_at"), output_field=DurationField())


class Held(NamedTuple):
    """A request that a process is at, and how often it had been put off when it began."""

    id: int
    refusals: int


class Taken(NamedTuple):
    """A queued request that is ours to run; `age` is in seconds since it was accepted."""

    ids: Sequence[int]
    endpoint: str
    ask: Mapping[str, Any]
    body: str
    attempts: int = 1
    refusals: int = 0
    age: float = 0.0

    @property
    def id(self) -> int:
        return min(self.ids)

    @property
    def held(self) -> Held:
        return Held(self.id, self.refusals)


class Refused(NamedTuple):
    """A try that had no result; the next one is due in so many seconds."""

    taken: Taken
    seconds: float


class Hopeless(NamedTuple):
    """A request that is not tried any more, and why."""

    id: int
    error: WeirError


def finish(ids: Sequence[int]) -> list[None]:
    """These have their rows in the log."""
    Outbox.objects.filter(pk__in=ids).delete()
    return [None] * len(ids)


def renew(groups: Sequence[Iterable[Held]]) -> list[None]:
    """This process is still at them, but for what was put off meanwhile."""
    by_refusals: defaultdict[int, set[int]] = defaultdict(set)
    for group in groups:
        for id_, refusals in group:
            by_refusals[refusals].add(id_)
    for refusals, ids in by_refusals.items():
        held = Outbox.objects.filter(pk__in=ids, refusals=refusals)
        held.update(due_at=moments.since_now(LEASE))
    return [None] * len(groups)


def postpone(refused: Sequence[Refused]) -> list[None]:
    """Later, by whoever comes first; what somebody else has taken meanwhile is his."""
    for taken, seconds in refused:
        ours = Outbox.objects.filter(pk=taken.id, attempts=taken.attempts)
        ours.update(due_at=moments.since_now(seconds), refusals=F("refusals") + 1)
    return [None] * len(refused)


def take(asked: Sequence[int]) -> list[list[Taken]]:
    """So many of those that are due, each for one taker only."""
    return [[_taken(row) for row in _due(most) if _won(row)] for most in asked]


def give_up(hopeless: Sequence[Hopeless]) -> list[None]:
    """Write down as errors what has no row yet: what was accepted ends in one row for each id."""
    queued = Outbox.objects.in_bulk([each.id for each in hopeless])
    for id_, error in hopeless:
        if id_ in queued:
            predictions.record(_errors(queued[id_], error), _SHARD)
    finish(list(queued))
    return [None] * len(hopeless)


def _due(most: int) -> Iterable[Any]:
    due = Outbox.objects.filter(due_at__lte=moments.now()).order_by("due_at")
    return list(due.annotate(age=_AGE)[:most])


def _won(row: Outbox) -> bool:
    same = Outbox.objects.filter(pk=row.pk, attempts=row.attempts, due_at__lte=moments.now())
    changed = same.update(attempts=F("attempts") + 1, due_at=moments.since_now(LEASE))
    return changed == 1


def _taken(row: Any) -> Taken:
    age: timedelta = row.age
    return Taken(
        receipts.ids(row.ids),
        row.endpoint,
        row.ask,
        row.body,
        row.attempts + 1,
        row.refusals,
        age.total_seconds(),
    )


def _errors(row: Outbox, error: WeirError) -> list[PredictionRow]:
    """No arm's: nobody knows what an arm would have answered."""
    asked, _ = rows.from_json(row.body.encode())
    now, text = timezone.now(), f"{failure(error)}}}"
    return [
        PredictionRow(
            each,
            row.algorithm_id,
            None,
            asked.raw(position),
            text,
            ERROR_LABEL,
            error.code,
            row.ask["subject"],
            now,
            0,
        )
        for position, each in enumerate(receipts.ids(row.ids))
    ]
