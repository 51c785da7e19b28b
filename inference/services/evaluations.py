"""How an algorithm was judged beside a baseline, and whether it may be promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from inference.models import Evaluation
from inference.services import announce


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
    return Evaluation.objects.create(
        algorithm_id=new.algorithm_id,
        baseline_id=new.baseline_id,
        made_by=by,
        blessed=new.blessed,
        reasons=list(new.reasons),
        report=dict(new.report),
        data_sha256=new.data_sha256,
    )
