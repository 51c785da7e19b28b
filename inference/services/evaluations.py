"""How an algorithm was judged beside a baseline, and whether it may be promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from inference.models import Evaluation, MLAlgorithm
from inference.services import announce, audit
from inference.services.audit import Change, Grounds, What


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvaluation:
    """What was found; `reasons` are sentences, the first ones those that decided."""

    algorithm_id: int
    baseline_id: int | None
    blessed: bool
    reasons: Sequence[str]
    report: Mapping[str, Any] = field(default_factory=dict)
    data_sha256: str = ""


@transaction.atomic
def evaluation_record(new: NewEvaluation, *, by: str) -> Evaluation:
    """Written down for good; the latest one of an algorithm is what counts."""
    announce.registry_changed()
    made = Evaluation.objects.create(
        algorithm_id=new.algorithm_id,
        baseline_id=new.baseline_id,
        made_by=by,
        blessed=new.blessed,
        reasons=list(new.reasons),
        report=dict(new.report),
        data_sha256=new.data_sha256,
    )
    algorithm = MLAlgorithm.objects.select_related("parent_endpoint").get(pk=new.algorithm_id)
    change = Change("", "blessed" if new.blessed else "not blessed")
    audit.note(What.EVALUATION, algorithm, change, by=by, grounds=Grounds(evidence=known(made)))
    return made


def known(made: Evaluation) -> Mapping[str, Any]:
    """What an act that rests on it keeps of it."""
    return {
        "evaluation": made.pk,
        "baseline": made.baseline_id,
        "blessed": made.blessed,
        "reasons": list(made.reasons),
        "data_sha256": made.data_sha256,
    }
