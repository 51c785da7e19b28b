"""Moves an algorithm from one status to another, writes its history and the audit.

Called inside a transaction that began with `announce.registry_changed`.
"""

from __future__ import annotations

from dataclasses import replace

from inference.core import lifecycle
from inference.core.errors import Raced
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm, MLAlgorithmStatus
from inference.services import audit
from inference.services.audit import NO_GROUNDS, Change, Grounds, What


def move(
    algorithm: MLAlgorithm,
    new: Status,
    *,
    by: str,
    grounds: Grounds = NO_GROUNDS,
    displaced: Status = lifecycle.DISPLACED,
) -> MLAlgorithmStatus:
    """The new line of its history; raises Raced unless it still stands where `algorithm` says.

    Whoever is in production makes room first, and becomes `displaced`: there is one place.
    """
    old = Status(algorithm.current_status)
    if new is Status.PRODUCTION and old is not new:
        _make_room(algorithm, displaced, by, grounds)
    same = MLAlgorithm.objects.filter(pk=algorithm.pk, current_status=old.value)
    if same.update(current_status=new.value) != 1:
        raise Raced(f"Algorithm {algorithm.pk} is not {old} any more; look again.")
    algorithm.current_status = new.value
    return write(algorithm, Change(old.value, new.value), by=by, grounds=grounds)


def write(
    algorithm: MLAlgorithm, change: Change, *, by: str, grounds: Grounds
) -> MLAlgorithmStatus:
    """A line of history, the only active one from now on."""
    algorithm.status.filter(active=True).update(active=False)
    audit.note(What.TRANSITION, algorithm, change, by=by, grounds=grounds)
    return algorithm.status.create(status=change.after, created_by=by, reason=grounds.why)


def _make_room(newcomer: MLAlgorithm, displaced: Status, by: str, grounds: Grounds) -> None:
    former = MLAlgorithm.objects.filter(
        parent_endpoint=newcomer.parent_endpoint_id, current_status=Status.PRODUCTION.value
    ).first()
    if former is not None:
        why = replace(grounds, why=f"replaced by algorithm {newcomer.pk}")
        move(former, displaced, by=by, grounds=why)
