"""What is written down before a request runs, so that it can be run again and counts once.

Every verb takes what came meanwhile and returns what became of each; the ledger calls it inside a
transaction, and once more if that could not be committed. Whose a key is, its uniqueness decides:
processes need not know of each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from inference.core import receipts
from inference.core.perseverance import LEASE
from inference.models import Outbox, Receipt
from inference.services import moments, standings
from inference.services.standings import TO_RUN, Found, Standing


class Queued(NamedTuple):
    """What it takes to run a request without its caller; `most` is how many may be queued."""

    algorithm_id: int
    ask: Mapping[str, Any]
    body: str
    most: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that is about to run under these ids.

    With a `key` it gets a receipt; with `queued` it is accepted, and will be answered.
    """

    endpoint: str
    ids: Sequence[int]
    batch: bool
    key: str = ""
    fingerprint: str = ""
    queued: Queued | None = None

    @property
    def ours(self) -> Found:
        return Found(Standing.OURS, self.ids, batch=self.batch)


def open_all(openings: Sequence[Opening]) -> list[Found]:
    """Give each its receipt and its place in the queue, or say what stands in the way."""
    keyed = [opening for opening in openings if opening.key]
    found = _with_receipts(keyed) if keyed else iter(())
    all_ = [next(found) if opening.key else opening.ours for opening in openings]
    return _with_places(openings, all_) if any(o.queued for o in openings) else all_


def free(keys: Sequence[str]) -> list[None]:
    """These ended without an answer: whoever asks again may run them at once."""
    Receipt.objects.filter(pk__in=keys).update(held_since=None)
    return [None] * len(keys)


def drop(keys: Sequence[str]) -> list[None]:
    """Nothing of these was begun: their keys may stand for something else."""
    Receipt.objects.filter(pk__in=keys).delete()
    return [None] * len(keys)


def renew(groups: Sequence[Iterable[str]]) -> list[None]:
    """This process is still at them, unless it has let go of them since it said so."""
    keys = {key for group in groups for key in group}
    held = Receipt.objects.filter(pk__in=keys, held_since__isnull=False)
    held.update(held_since=moments.now())
    return [None] * len(groups)


def prune(ages: Sequence[float]) -> list[int]:
    """Forget receipts older than so many seconds; how many there were."""
    too_old = [Receipt.objects.filter(created_at__lt=moments.since_now(-age)) for age in ages]
    return [old.delete()[0] for old in too_old]


def _with_receipts(openings: Sequence[Opening]) -> Iterator[Found]:
    _insert(openings)
    kept = Receipt.objects.in_bulk([opening.key for opening in openings])
    new = {o.key for o in openings if o.key in kept and kept[o.key].ids == receipts.spans(o.ids)}
    old = standings.of([row for key, row in kept.items() if key not in new])
    return (_found(opening, kept.get(opening.key), old) for opening in openings)


def _insert(openings: Iterable[Opening]) -> None:
    rows = [
        Receipt(
            key=opening.key,
            fingerprint=opening.fingerprint,
            ids=receipts.spans(opening.ids),
            batch=opening.batch,
            endpoint=opening.endpoint,
        )
        # In one order everywhere, so that two processes never wait for each other.
        for opening in sorted(openings, key=lambda opening: opening.key)
    ]
    Receipt.objects.bulk_create(rows, ignore_conflicts=True)


def _found(opening: Opening, receipt: Receipt | None, old: Mapping[str, Found]) -> Found:
    if receipt is None:  # it was there a moment ago, and was dropped
        return Found(Standing.HELD)
    if receipt.fingerprint != opening.fingerprint:
        return Found(Standing.OTHER)
    if receipt.ids == receipts.spans(opening.ids):
        return opening.ours
    found = old.get(opening.key, Found(Standing.HELD))
    return _taken(opening.key, found) if found.standing is Standing.GONE else found


def _taken(key: str, found: Found) -> Found:
    """Ours, under the ids that it has, unless somebody else was faster."""
    free_ = Receipt.objects.filter(pk=key).exclude(standings.held())
    won = free_.update(held_since=moments.now()) == 1
    return found._replace(standing=Standing.AGAIN if won else Standing.HELD)


def _with_places(openings: Sequence[Opening], found: Sequence[Found]) -> list[Found]:
    """In the queue, for those that are ours and want one, as long as there are any."""
    count = Outbox.objects.count()
    settled: list[Found] = list(found)
    rows: list[Outbox] = []
    for at, opening in enumerate(openings):
        if opening.queued is None or found[at].standing not in TO_RUN:
            continue
        if count + len(rows) < opening.queued.most:
            rows.append(_row(opening, opening.queued, found[at].ids))
        else:
            settled[at] = Found(Standing.FULL)
    Outbox.objects.bulk_create(rows, ignore_conflicts=True)
    free([o.key for o, f in zip(openings, settled, strict=True) if f.standing is Standing.FULL])
    return settled


def _row(opening: Opening, queued: Queued, ids: Sequence[int]) -> Outbox:
    return Outbox(
        id=min(ids),
        last=max(ids),
        ids=receipts.spans(ids),
        endpoint=opening.endpoint,
        algorithm_id=queued.algorithm_id,
        ask=queued.ask,
        body=queued.body,
        due_at=moments.since_now(LEASE),
    )
