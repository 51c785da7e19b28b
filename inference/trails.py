"""What was done, for whoever asks: to algorithms (the audit, evaluations, aliases) and to tests."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from inference import progress
from inference.models import Alias, AuditEntry, Decision, Evaluation

Json = dict[str, Any]


def entries(*, endpoint: str | None = None, algorithm: int | None = None) -> QuerySet[AuditEntry]:
    """The audit, the oldest first; only of that endpoint or algorithm if one is named."""
    rows = AuditEntry.objects.order_by("id")
    if endpoint:
        rows = rows.filter(endpoint=endpoint)
    return rows if algorithm is None else rows.filter(algorithm=algorithm)


def entry(row: AuditEntry) -> Json:
    """A row of the audit as JSON."""
    return {
        "id": row.pk,
        "at": progress.moment(row.made_at),
        "by": row.made_by,
        "what": row.what,
        "endpoint": row.endpoint,
        "algorithm": row.algorithm,
        "experiment": row.abtest,
        "before": row.before,
        "after": row.after,
        "why": row.why,
        "evidence": row.evidence,
        "previous": row.previous,
        "hash": row.hash,
    }


def evaluations(*, algorithm: int | None = None) -> QuerySet[Evaluation]:
    """The oldest first."""
    rows = Evaluation.objects.order_by("id")
    return rows if algorithm is None else rows.filter(algorithm=algorithm)


def evaluation(row: Evaluation) -> Json:
    """How an algorithm was judged, as JSON."""
    return {
        "id": row.pk,
        "at": progress.moment(row.made_at),
        "by": row.made_by,
        "algorithm": row.algorithm_id,
        "baseline": row.baseline_id,
        "blessed": row.blessed,
        "reasons": row.reasons,
        "report": row.report,
        "data_sha256": row.data_sha256,
    }


def aliases(endpoint_id: int) -> QuerySet[Alias]:
    """By name; `champion` is none of them, for it follows from the statuses."""
    return Alias.objects.filter(endpoint=endpoint_id).order_by("name")


def alias(row: Alias) -> Json:
    """A name of an algorithm, as JSON."""
    return {
        "name": row.name,
        "algorithm": row.algorithm_id,
        "at": progress.moment(row.moved_at),
        "by": row.moved_by,
    }


def decisions(abtest_id: int) -> QuerySet[Decision]:
    """All that was done to a test, the oldest first."""
    return Decision.objects.filter(abtest=abtest_id).order_by("id")


def decision(row: Decision) -> Json:
    """As one of the `events`, with the snapshot that it rested on."""
    return {
        "id": row.pk,
        "at": progress.moment(row.made_at),
        "by": row.made_by,
        "what": row.what,
        "why": row.why,
        "code": row.evidence["verdict"]["code"],
        "evidence": row.evidence,
    }
