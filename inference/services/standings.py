"""How far requests have come that were given a receipt or a place in the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from django.db.models import Q

from inference.core import answers, receipts
from inference.core.perseverance import LEASE
from inference.models import MLRequest, Outbox, Receipt
from inference.services import moments

_MOST_SPANS: Final = 100  # in one query


class Standing(Enum):
    """How far a request has come."""

    OURS = auto()  # whoever is told so shall run it, as the first
    AGAIN = auto()  # the same, and somebody was at it before
    DONE = auto()  # its answers are in the log
    QUEUED = auto()  # accepted: somebody will run it
    HELD = auto()  # another process is at it
    OTHER = auto()  # its key belongs to another request
    FULL = auto()  # too many are queued
    GONE = auto()  # unknown, or it ended without an answer


TO_RUN: Final = frozenset({Standing.OURS, Standing.AGAIN})


class Found(NamedTuple):
    """How far it has come under which ids; `texts` has its answers once all are there."""

    standing: Standing
    ids: Sequence[int] = ()
    texts: Sequence[str] = ()
    batch: bool = False


GONE: Final = Found(Standing.GONE)


def look(keys: Sequence[str]) -> list[Found]:
    """By the keys of receipts."""
    found = of(list(Receipt.objects.filter(pk__in=set(keys))))
    return [found.get(key, GONE) for key in keys]


def of(rows: Sequence[Receipt]) -> Mapping[str, Found]:
    """By key; whoever finds one GONE may take it."""
    if not rows:
        return {}
    ids = {row.key: receipts.ids(row.ids) for row in rows}
    texts = dict(zip(ids, answers_of(list(ids.values())), strict=True))
    unanswered = [key for key in ids if not texts[key]]
    standing = dict.fromkeys(ids, Standing.DONE) | _unanswered(unanswered, ids)
    return {
        row.key: Found(standing[row.key], ids[row.key], texts[row.key], row.batch) for row in rows
    }


def answers_of(requests: Sequence[Sequence[int]]) -> list[Sequence[str]]:
    """For the ids of each request its answers from the log; none if one of them is missing."""
    wanted = sorted({each for ids in requests for each in ids})
    texts = _texts(receipts.spans(wanted))
    return [[texts[i] for i in ids] if all(i in texts for i in ids) else () for ids in requests]


def held() -> Q:
    """Receipts of those that a process said to be at, a short while ago."""
    return Q(held_since__gt=moments.since_now(-LEASE))


def _unanswered(keys: Sequence[str], ids: Mapping[str, Sequence[int]]) -> dict[str, Standing]:
    if not keys:
        return {}
    first = {ids[key][0]: key for key in keys}
    queued = Outbox.objects.filter(pk__in=first).values_list("pk", flat=True)
    at_work = Receipt.objects.filter(held(), pk__in=keys).values_list("pk", flat=True)
    found = dict.fromkeys(keys, Standing.GONE) | dict.fromkeys(at_work, Standing.HELD)
    return found | {first[pk]: Standing.QUEUED for pk in queued}


def _texts(spans: receipts.Spans) -> dict[int, str]:
    found: dict[int, str] = {}
    for start in range(0, len(spans), _MOST_SPANS):
        ranges = [Q(pk__range=(a, a + n - 1)) for a, n in spans[start : start + _MOST_SPANS]]
        rows = MLRequest.objects.filter(reduce(or_, ranges)).values_list(
            "pk", "full_response", "parent_mlalgorithm_id", "parent_mlalgorithm__version"
        )
        found.update(
            (pk, answers.replayed(text, pk, by, version)) for pk, text, by, version in rows
        )
    return found
