"""What was seen of the rows and answers of an algorithm, and what was noticed about them."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint
from django.utils import timezone

from inference.models.fields import NAME_LENGTH, WHY_LENGTH
from inference.models.registry import Endpoint, MLAlgorithm


class DriftCount(models.Model):
    """What one writer counted of one algorithm in one window; a window is the sum of its shards."""

    algorithm = models.ForeignKey(
        MLAlgorithm, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    window = models.DateTimeField(help_text="When it began.")
    shard = models.CharField(max_length=64)
    rows = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = (
            UniqueConstraint(fields=["algorithm", "window", "shard"], name="drift_count_shard"),
        )

    def __str__(self) -> str:
        return f"{self.rows} rows of algorithm {self.algorithm_id}"


class MonitorEvent(models.Model):
    """That something was noticed: written once when it begins, and once when it is over."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="events")
    algorithm = models.ForeignKey(
        MLAlgorithm, on_delete=models.CASCADE, related_name="events", null=True, blank=True
    )
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=NAME_LENGTH, blank=True, help_text="Which column, say.")
    value = models.FloatField(null=True, blank=True)
    text = models.CharField(max_length=WHY_LENGTH)
    over = models.BooleanField(default=False, help_text="Whether it says that it has ended.")
    number = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Counts those of its algorithm, kind and subject.",
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            UniqueConstraint(
                fields=["algorithm", "kind", "subject", "number"], name="monitor_event_number"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of endpoint {self.endpoint_id}"
