"""What outlives the process that accepted it: requests with a name, and those without an answer."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from inference.models.fields import NAME_LENGTH
from inference.models.registry import MLAlgorithm


class Receipt(models.Model):
    """A request that its caller gave a name, and the ids that it has for good.

    Its answer is in the log. Moments are the database's, because several machines compare them.
    """

    key = models.CharField(primary_key=True, max_length=64)
    fingerprint = models.CharField(max_length=64, help_text="Of what was asked for.")
    ids = models.JSONField(help_text="Pairs of a first id and how many follow.")
    batch = models.BooleanField(default=False)
    endpoint = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)
    held_since = models.DateTimeField(
        db_default=Now(), null=True, help_text="When a process last said that it was at it."
    )

    def __str__(self) -> str:
        return f"receipt {self.key[:8]}"


class Outbox(models.Model):
    """A request that was accepted and has no answer yet; the first of its ids is its own.

    `due_at` is when somebody else may take it: whoever is at it keeps moving that on.
    """

    id = models.BigIntegerField(primary_key=True)
    last = models.BigIntegerField(help_text="The last of its ids.")
    ids = models.JSONField(help_text="Pairs of a first id and how many follow.")
    endpoint = models.CharField(max_length=NAME_LENGTH)
    algorithm = models.ForeignKey(
        MLAlgorithm,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Who was to answer when it was accepted.",
    )
    ask = models.JSONField(default=dict)
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), db_index=True)
    attempts = models.PositiveIntegerField(default=1)
    refusals = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "queued request"
        ordering = ("id",)

    def __str__(self) -> str:
        return f"queued request {self.pk}"
