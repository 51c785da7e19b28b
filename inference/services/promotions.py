"""Who may go into production, and how a promotion is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from inference.core import gate as gates
from inference.core.errors import NotBlessed, TransitionRefused
from inference.core.gate import Judgement
from inference.core.lifecycle import AT_REST, IN_TEST, Status
from inference.models import (
    ABTest,
    Endpoint,
    Evaluation,
    MLAlgorithm,
    MLAlgorithmStatus,
)
from inference.services import announce, audit, evaluations, models, statuses
from inference.services.audit import Change, Grounds, What

_SHORTEST_REASON: Final = 3  # letters; a dot is none


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether production is guarded, and why it is to be opened all the same (empty: it is not)."""

    closed: bool = True
    forced: str = ""


@dataclass(frozen=True, slots=True)
class Swapped:
    """Who is in production now, and who was before."""

    now: MLAlgorithm
    before: MLAlgorithm


@transaction.atomic
def promote(
    algorithm_id: int, status: Status, *, by: str, why: str = "", gate: Gate | None = None
) -> MLAlgorithmStatus:
    """The new line of its history. Into production only what is blessed, unless forced.

    Raises NotBlessed, and else what `models.algorithm_set_status` raises.
    """
    announce.registry_changed()
    algorithm = MLAlgorithm.objects.select_related("parent_endpoint").get(pk=algorithm_id)
    grounds = Grounds(why)
    if status is Status.PRODUCTION and algorithm.current_status != status.value:
        grounds = _through(algorithm, gate or Gate(), by, why)
    return models.moved(algorithm, status, by=by, grounds=grounds)


def _through(algorithm: MLAlgorithm, gate: Gate, by: str, why: str) -> Grounds:
    """What the promotion rests on. Forced means forced even where the gate would have opened."""
    latest = algorithm.evaluations.order_by("-id").first()
    known = {} if latest is None else evaluations.known(latest)
    refused = refusal(algorithm, latest)
    if gate.forced:
        if len(gate.forced.strip()) < _SHORTEST_REASON:
            raise TransitionRefused("A promotion is forced for a reason; say it.", field="reason")
        grounds = Grounds(gate.forced, evidence={**known, "refusal": refused})
        change = Change(algorithm.current_status, Status.PRODUCTION.value)
        audit.note(What.FORCED, algorithm, change, by=by, grounds=grounds)
        return Grounds(f"forced: {gate.forced}", evidence=known)
    if gate.closed and refused is not None:
        raise NotBlessed(f"{algorithm.full_name} is not promoted. {refused}")
    return Grounds(why, evidence=known)


def refusal(algorithm: MLAlgorithm, latest: Evaluation | None) -> str | None:
    """Why it may not go into production now, in a sentence; None if it may."""
    champion = _champion(algorithm.parent_endpoint_id)
    number = None if champion is None else champion.pk
    fallen = _fallen(algorithm)
    won = None if number is None else _won(algorithm, number, fallen)
    counts = latest is not None and (fallen is None or latest.made_at > fallen)
    judged = _judgement(latest) if latest is not None and counts else None
    return gates.refusal(judged, number, won, fallen=fallen is not None)


def _fallen(algorithm: MLAlgorithm) -> datetime | None:
    """When it was last rolled back or rejected: what spoke for it before does so no more."""
    lines = algorithm.status.filter(status__in=(Status.ROLLED_BACK, Status.REJECTED))
    return lines.order_by("-id").values_list("created_at", flat=True).first()


def _judgement(row: Evaluation) -> Judgement:
    return Judgement(row.pk, row.blessed, row.baseline_id, row.reasons)


def _champion(endpoint_id: int) -> MLAlgorithm | None:
    return MLAlgorithm.objects.filter(
        parent_endpoint=endpoint_id, current_status=Status.PRODUCTION.value
    ).first()


def _won(algorithm: MLAlgorithm, champion: int, since: datetime | None) -> int | None:
    """The latest test with both of them that promoted this one by its rule, after that moment."""
    tests = ABTest.objects.filter(ended_at__isnull=False, arms__algorithm=algorithm)
    tests = tests if since is None else tests.filter(ended_at__gt=since)
    for test in tests.prefetch_related("arms__algorithm").distinct().order_by("-id"):
        arms = {arm.algorithm_id: arm.position for arm in test.current}
        if champion in arms:
            won = test.outcome == f"arm {arms[algorithm.pk]} promoted"
            return test.pk if won else None
    return None


@transaction.atomic
def roll_back(endpoint_id: int, *, by: str, why: str = "", to: int | None = None) -> Swapped:
    """Whoever was in production before is there again, and whoever is there now is rolled back.

    Of those that were, the latest that does not rest because it was rolled back or rejected; or
    `to`, the id of any that was. Raises TransitionRefused, or Endpoint.DoesNotExist.
    """
    announce.registry_changed()
    endpoint = Endpoint.objects.get(pk=endpoint_id)
    models.refuse_during_test(endpoint.pk)
    champion = _champion(endpoint.pk)
    if champion is None:
        raise TransitionRefused(f"{endpoint.name} has nothing in production.")
    target = _former(endpoint, champion, to)
    grounds = Grounds(why, evidence=_known(champion))
    change = Change(str(champion.pk), str(target.pk))
    audit.note(What.ROLLBACK, endpoint, change, by=by, grounds=grounds)
    reason = Grounds(f"rollback: {why}" if why else "rollback", evidence=grounds.evidence)
    statuses.move(target, Status.PRODUCTION, by=by, grounds=reason, displaced=Status.ROLLED_BACK)
    return Swapped(target, champion)


def _known(algorithm: MLAlgorithm) -> Mapping[str, Any]:
    latest = algorithm.evaluations.order_by("-id").first()
    return {} if latest is None else evaluations.known(latest)


def _former(endpoint: Endpoint, champion: MLAlgorithm, to: int | None) -> MLAlgorithm:
    lines = MLAlgorithmStatus.objects.filter(
        parent_mlalgorithm__parent_endpoint=endpoint, status=Status.PRODUCTION.value
    ).exclude(parent_mlalgorithm=champion)
    if to is not None:
        lines = lines.filter(parent_mlalgorithm=to)
    for line in lines.select_related("parent_mlalgorithm__parent_endpoint").order_by("-id"):
        if _may_return(line.parent_mlalgorithm, named=to is not None):
            return line.parent_mlalgorithm
    who = "nobody else" if to is None else f"no algorithm {to}"
    raise TransitionRefused(f"{who} was in production of {endpoint.name} before.", field="to")


def _may_return(former: MLAlgorithm, *, named: bool) -> bool:
    fallen = AT_REST - {Status.RETIRED}
    return former.current_status not in (IN_TEST if named else IN_TEST | fallen)
