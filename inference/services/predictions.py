"""What happens to predictions: they get an id, and they are written down and counted, once each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import DatabaseError, Error, IntegrityError, connection, transaction
from django.db.models import F, Max

from inference.core.types import PredictionRow
from inference.models import IdBlock, MLRequest
from inference.services import dialects, tallies

_IDS: Final = "mlrequest"
_ATTEMPTS: Final = 5  # against other writers


def record(rows: Sequence[PredictionRow], shard: str) -> int:
    """Write the rows and count them for their arms, all or nothing; returns how many were new.

    `shard` names this writer: no other one may count under it at the same time.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _tried(rows, shard)
        except DatabaseError as error:
            if connection.in_atomic_block or not dialects.current().beaten(error):
                raise
    return _tried(rows, shard)


def _tried(rows: Sequence[PredictionRow], shard: str) -> int:
    try:
        return _record(rows, shard)
    except Error:
        # The next call shall find a living connection; outside of requests nobody else looks.
        _let_go()
        raise


def _let_go() -> None:
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _record(rows: Sequence[PredictionRow], shard: str) -> int:
    if not rows:
        return 0
    # One statement is a transaction already; BEGIN and COMMIT would be two more turns to wait for.
    dialect = dialects.current()
    if dialect.in_one(len(rows)) and all(row.arm_id is None for row in rows):
        return len(dialect.insert(rows))
    with transaction.atomic():
        new = dialect.insert(rows)
        tallies.expose(new, shard)
    return len(new)


def reserve_ids(count: int) -> range:
    """So many ids that nobody else gets; what is not used is skipped."""
    try:
        return _reserve(count)
    except IntegrityError:  # two processes made the first block
        return _reserve(count)
    finally:
        # Rare, and from whatever thread is free: each would keep a connection out of a small pool.
        _let_go()


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
    try:
        return last.update(next=block.start) == 1
    finally:
        _let_go()
