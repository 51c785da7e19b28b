"""What happens to predictions: they get an id, and they are written down and counted, once each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Max

from inference.core.types import PredictionRow
from inference.models import IdBlock, MLRequest
from inference.services import bulk, tallies

_IDS: Final = "mlrequest"


def record(rows: Sequence[PredictionRow], shard: str) -> int:
    """Write the rows and count them for their arms, all or nothing; returns how many were new.

    `shard` names this writer: no other one may count under it at the same time.
    """
    try:
        return _record(rows, shard)
    except DatabaseError:
        # The next call shall find a living connection; outside of requests nobody else looks.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        raise


def _record(rows: Sequence[PredictionRow], shard: str) -> int:
    # One statement is a transaction already; BEGIN and COMMIT would be two more turns to wait for.
    if bulk.one_statement(len(rows)) and all(row.arm_id is None for row in rows):
        return len(bulk.insert(rows))
    with transaction.atomic():
        new = bulk.insert(rows)
        tallies.expose(new, shard)
    return len(new)


def reserve_ids(count: int) -> range:
    """So many ids that nobody else gets; what is not used is skipped."""
    try:
        return _reserve(count)
    except IntegrityError:  # two processes made the first block
        return _reserve(count)


@transaction.atomic
def _reserve(count: int) -> range:
    block = IdBlock.objects.filter(name=_IDS)
    if not block.update(next=F("next") + count):
        last = MLRequest.objects.aggregate(last=Max("id"))["last"] or 0
        IdBlock.objects.create(name=_IDS, next=last + 1 + count)
    end = block.values_list("next", flat=True).get()
    return range(end - count, end)


def give_back_ids(block: range) -> bool:
    """Whether the unused end of a block could be returned: only while nobody reserved after it."""
    last = IdBlock.objects.filter(name=_IDS, next=block.stop)
    return last.update(next=block.start) == 1
