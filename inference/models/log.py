"""Every prediction as it was answered, and where the next id comes from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from inference.models.experiments import Arm
from inference.models.fields import FEEDBACK_LENGTH
from inference.models.registry import MLAlgorithm


class MLRequest(models.Model):
    """One prediction as it was answered.

    The ids are handed out by Weir in blocks, so that an answer can name its row before the row is
    written. No index but the key: every further one is paid for by each prediction. The database
    does not check what a row refers to either: it would lock the algorithm for each batch, and a
    promotion that comes at that moment could not be told from a deadlock. Nothing that has
    rows is deleted, Django sees to that.
    """

    id = models.BigIntegerField(primary_key=True)
    input_data = models.TextField()
    full_response = models.TextField()
    response = models.TextField()
    feedback = models.TextField(null=True, blank=True, max_length=FEEDBACK_LENGTH)  # noqa: DJ001  # of the contract
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    parent_mlalgorithm = models.ForeignKey(
        MLAlgorithm,
        on_delete=models.PROTECT,
        related_name="requests",
        db_index=False,
        db_constraint=False,
    )
    arm = models.ForeignKey(
        Arm,
        on_delete=models.PROTECT,
        related_name="requests",
        null=True,
        db_index=False,
        db_constraint=False,
    )
    subject = models.CharField(max_length=255, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    latency_us = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        verbose_name = "prediction"

    def __str__(self) -> str:
        return f"prediction {self.pk}"


class ShadowPrediction(models.Model):
    """What a challenger said to an input that the champion had answered; nobody was told.

    Nothing is checked by the database, for the reasons that `MLRequest` gives.
    """

    pk = models.CompositePrimaryKey("prediction", "arm_id")
    prediction = models.BigIntegerField(help_text="The id of what the champion answered.")
    arm = models.ForeignKey(
        Arm, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    full_response = models.TextField()
    response = models.TextField()
    error_code = models.CharField(max_length=64, blank=True)
    latency_us = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"what arm {self.arm_id} said to prediction {self.prediction}"


class IdBlock(models.Model):
    """The next id that nobody has been given yet."""

    name = models.CharField(max_length=32, unique=True)
    next = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.name} from {self.next}"
