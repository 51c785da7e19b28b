"""What is asked of the database, in as few queries as it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from inference.core import (
    receipts,
)
from inference.core.asking import MAX_ID_DIGITS
from inference.core.lifecycle import ANSWERING
from inference.models import (
    ABTest,
    ApiKey,
    Arm,
    Endpoint,
    MLAlgorithm,
    MLAlgorithmStatus,
    MLRequest,
    Outbox,
)

Json = dict[str, Any]


def endpoints() -> QuerySet[Endpoint]:
    return Endpoint.objects.order_by("id")


def algorithms() -> QuerySet[MLAlgorithm]:
    return MLAlgorithm.objects.order_by("id")


def statuses() -> QuerySet[MLAlgorithmStatus]:
    return MLAlgorithmStatus.objects.order_by("id")


def requests() -> QuerySet[MLRequest]:
    return MLRequest.objects.order_by("id")


def is_queued(request_id: str) -> bool:
    """Whether a request of this id was accepted and is not answered yet."""
    if not (request_id.isascii() and request_id.isdigit() and len(request_id) <= MAX_ID_DIGITS):
        return False
    wanted = int(request_id)
    around = Outbox.objects.filter(pk__lte=wanted, last__gte=wanted).values_list("ids", flat=True)
    return any(wanted in receipts.ids(ids) for ids in around)


def abtests() -> QuerySet[ABTest]:
    """With their arms; the algorithms' large fields stay where they are."""
    arms = Arm.objects.select_related("algorithm").defer(
        "algorithm__code", "algorithm__report", "algorithm__metrics"
    )
    return (
        ABTest.objects.order_by("id")
        .select_related("endpoint")
        .prefetch_related(Prefetch("arms", arms))
    )


def valid_key(prefix: str, now: datetime) -> ApiKey | None:
    """The key of that prefix, unless it was revoked or has expired; the secret is not compared."""
    alive = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    return alive.filter(prefix=prefix).first()


def endpoint_schema(endpoint_id: int) -> Json | None:
    """What a row of this endpoint looks like: the schema of what answers by default.

    Of an arm while a test runs; None if nothing answers by default.
    """
    answering = (
        MLAlgorithm.objects.filter(parent_endpoint=endpoint_id, current_status__in=ANSWERING)
        .order_by("-current_status", "id")  # production comes before canary and ab_testing
        .first()
    )
    if answering is None:
        return None
    return {"algorithm": answering.pk, "version": answering.version, **answering.schema}
