"""Moves an algorithm from one status to another and writes its history.

Called inside a transaction that began with `announce.registry_changed`.
"""

from __future__ import annotations

from inference.core import lifecycle
from inference.core.errors import Raced
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm, MLAlgorithmStatus


def move(algorithm: MLAlgorithm, new: Status, *, by: str, reason: str = "") -> MLAlgorithmStatus:
    """The new line of its history; raises Raced unless it still stands where `algorithm` says.

    Whoever is in production makes room first: there is one place.
    """
    old = Status(algorithm.current_status)
    if new is Status.PRODUCTION and old is not new:
        _make_room(algorithm, by)
    same = MLAlgorithm.objects.filter(pk=algorithm.pk, current_status=old.value)
    if same.update(current_status=new.value) != 1:
        raise Raced(f"Algorithm {algorithm.pk} is not {old} any more; look again.")
    algorithm.current_status = new.value
    return write(algorithm, new, by=by, reason=reason)


def write(algorithm: MLAlgorithm, status: Status, *, by: str, reason: str) -> MLAlgorithmStatus:
    """A line of history, the only active one from now on."""
    algorithm.status.filter(active=True).update(active=False)
    return algorithm.status.create(status=status.value, created_by=by, reason=reason)


def _make_room(newcomer: MLAlgorithm, by: str) -> None:
    former = MLAlgorithm.objects.filter(
        parent_endpoint=newcomer.parent_endpoint_id, current_status=Status.PRODUCTION.value
    ).first()
    if former is not None:
        move(former, lifecycle.DISPLACED, by=by, reason=f"replaced by algorithm {newcomer.pk}")
