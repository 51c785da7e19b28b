"""What is served under which name, and where its bytes lie."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint
from django.utils import timezone

from inference.core import graphanswers
from inference.core.graphs import GRAPH, Graph
from inference.core.lifecycle import Status
from inference.core.schema import Task
from inference.core.types import LogMode
from inference.models.fields import NAME_LENGTH, while_true


class Endpoint(models.Model):
    """A name in the URL under which algorithms answer."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    owner = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    log_mode = models.CharField(
        max_length=8,
        choices=[(mode.value, mode.value) for mode in LogMode],
        default=LogMode.STRICT.value,
        help_text="strict: log, then answer. fast: answer, then log. off: no log.",
    )

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class MLAlgorithm(models.Model):
    """One version of a model; which one it is follows from endpoint, name, version and artefact."""

    name = models.CharField(max_length=NAME_LENGTH)
    description = models.CharField(max_length=1000, blank=True)
    code = models.TextField(max_length=50_000, blank=True)
    version = models.CharField(max_length=NAME_LENGTH)
    owner = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    parent_endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="algorithms"
    )
    current_status = models.CharField(
        max_length=32,
        choices=[(status.value, status.value) for status in Status],
        default=Status.REGISTERED.value,
        db_index=True,
    )
    artefact_hash = models.CharField(max_length=64)
    bundle = models.CharField(max_length=255, help_text="Where the bundle is kept.")
    runtime = models.CharField(max_length=32)
    schema = models.JSONField(default=dict)
    report = models.JSONField(default=dict, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The one in production when it was trained to take its place.",
    )
    lineage = models.JSONField(
        default=dict, blank=True, help_text="What it was made from, and with what."
    )
    reference = models.JSONField(
        default=dict, blank=True, help_text="How the rows and answers of its training lay."
    )
    isolated = models.BooleanField(
        default=False, help_text="Whether it runs in a process of its own."
    )
    production_slot = while_true(Q(current_status=Status.PRODUCTION.value), "parent_endpoint")

    class Meta:
        ordering = ("id",)
        constraints = (
            UniqueConstraint(
                fields=["parent_endpoint", "name", "version", "artefact_hash"],
                name="algorithm_identity",
            ),
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.full_name}"

    @property
    def full_name(self) -> str:
        """What people call it; not unique."""
        return f"{self.name} {self.version}"

    @property
    def task(self) -> Task:
        """What kind of answer it gives, and so how a label is compared with it."""
        if GRAPH in self.schema:
            return graphanswers.task(Graph.from_json(self.schema))
        task: Task = self.schema["target"]["task"]
        return task


class MLAlgorithmStatus(models.Model):
    """One line of an algorithm's history; the active one is where it stands."""

    status = models.CharField(max_length=NAME_LENGTH)
    active = models.BooleanField(default=True)
    created_by = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    reason = models.CharField(max_length=1000, blank=True)
    parent_mlalgorithm = models.ForeignKey(
        MLAlgorithm, on_delete=models.CASCADE, related_name="status"
    )
    active_slot = while_true(Q(active=True), "parent_mlalgorithm")

    class Meta:
        ordering = ("id",)
        verbose_name = "algorithm status"
        verbose_name_plural = "algorithm statuses"

    def __str__(self) -> str:
        return f"{self.status} since {self.created_at:%Y-%m-%d %H:%M}"


class RegistryState(models.Model):
    """One row whose version moves with every change that a serving process must hear of."""

    ONLY: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"registry version {self.version}"


class StoredBundle(models.Model):
    """A piece of a bundle, where the database keeps the bundles.

    In pieces, because a database may refuse a statement as long as a bundle can be.
    """

    key = models.CharField(max_length=255)
    piece = models.PositiveIntegerField(help_text="Counts from 0.")
    data = models.BinaryField()

    class Meta:
        ordering = ("key", "piece")
        constraints = (UniqueConstraint(fields=["key", "piece"], name="bundle_piece"),)

    def __str__(self) -> str:
        return f"piece {self.piece} of {self.key}"
