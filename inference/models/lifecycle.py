"""What an algorithm's life rests on: how it was judged, what it is called, what was done to it."""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.db.models import UniqueConstraint
from django.utils import timezone

from inference.core.errors import TransitionRefused
from inference.models.fields import NAME_LENGTH, WHY_LENGTH
from inference.models.registry import Endpoint, MLAlgorithm

_SEALED: Final = "The audit is only ever added to."


class Evaluation(models.Model):
    """An algorithm beside a baseline on the same held-out rows, and whether it is fit to serve."""

    algorithm = models.ForeignKey(MLAlgorithm, on_delete=models.CASCADE, related_name="evaluations")
    baseline = models.ForeignKey(
        MLAlgorithm, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    made_by = models.CharField(max_length=NAME_LENGTH)
    blessed = models.BooleanField(help_text="Whether it may be promoted.")
    reasons = models.JSONField(default=list, blank=True, help_text="Why, or why not; sentences.")
    report = models.JSONField(default=dict, blank=True)
    data_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the held-out rows.")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"evaluation {self.pk} of algorithm {self.algorithm_id}"


class Alias(models.Model):
    """A name that moves between the algorithms of an endpoint, such as `challenger`."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=64)
    algorithm = models.ForeignKey(MLAlgorithm, on_delete=models.CASCADE, related_name="aliases")
    moved_at = models.DateTimeField(default=timezone.now, editable=False)
    moved_by = models.CharField(max_length=NAME_LENGTH)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "aliases"
        constraints = (UniqueConstraint(fields=["endpoint", "name"], name="alias_of_endpoint"),)

    def __str__(self) -> str:
        return f"{self.name} of endpoint {self.endpoint_id}"


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Rows that nobody changes."""

    def update(self, **kwargs: Any) -> int:
        """Raises TransitionRefused."""
        raise TransitionRefused(_SEALED)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Raises TransitionRefused."""
        raise TransitionRefused(_SEALED)


class AuditEntry(models.Model):
    """What was done, by whom and why; each row holds the hash of the one before it.

    It is only ever added to. Nothing here keeps out who writes SQL; the hashes show that he did.
    """

    id = models.BigIntegerField(primary_key=True, help_text="Counts from 1, without gaps.")
    made_at = models.DateTimeField(editable=False)
    made_by = models.CharField(max_length=NAME_LENGTH)
    what = models.CharField(max_length=32)
    endpoint = models.CharField(max_length=NAME_LENGTH, blank=True)
    algorithm = models.BigIntegerField(null=True, help_text="Its id; the row may be gone.")
    abtest = models.BigIntegerField(null=True, help_text="The test that it belongs to.")
    before = models.CharField(max_length=NAME_LENGTH, blank=True)
    after = models.CharField(max_length=NAME_LENGTH, blank=True)
    why = models.CharField(max_length=WHY_LENGTH, blank=True)
    evidence = models.JSONField(default=dict, blank=True, help_text="What was known then.")
    previous = models.CharField(max_length=64, help_text="The hash of the row before this.")
    hash = models.CharField(max_length=64, help_text="sha256 over all of this row but itself.")

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.pk}: {self.what}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new row; raises TransitionRefused for one that is there."""
        if not self._state.adding:
            raise TransitionRefused(_SEALED)
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises TransitionRefused."""
        raise TransitionRefused(_SEALED)
