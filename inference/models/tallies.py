"""What was counted for the arms of a test, in pieces that add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields
from typing import Final

from django.db import models
from django.db.models import Sum, UniqueConstraint

from inference.core import experiment
from inference.core.tally import NAMES, NOTHING, Tally
from inference.models.experiments import ABTest, Arm

BEFORE_LABELS: Final = frozenset({"exposures", "errors", "subjects", "slow", "failing", "lagging"})


class ArmTallyQuerySet(models.QuerySet["ArmTally"]):
    """Sums over shards."""

    def by_arm(self) -> dict[int, Tally]:
        """The tally of each arm that has one."""
        names = [field.name for field in fields(Tally)]
        rows = self.values_list("arm_id").order_by("arm_id").annotate(*map(Sum, names))
        return {arm_id: Tally(*sums) for arm_id, *sums in rows}

    def answers(self) -> dict[int, Counter[str]]:
        """How often each arm of a canary gave which answer to a unit that came first."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for arm_id, counted in self.order_by("pk").values_list("arm_id", "answers"):
            found[arm_id].update(counted)
        return found


class Labels(models.Model):
    """What labels have shown; see `core.tally.Tally`, whose fields these are.

    The defaults are the database's as well: what writes a batch names only what it counts.
    """

    labelled = models.BigIntegerField(default=0, db_default=0)
    correct = models.BigIntegerField(default=0, db_default=0)
    absolute_error = models.FloatField(default=0, db_default=0)
    squared_error = models.FloatField(default=0, db_default=0)
    total = models.FloatField(default=0, db_default=0)
    squares = models.FloatField(default=0, db_default=0)
    ahead = models.BigIntegerField(default=0, db_default=0)
    behind = models.BigIntegerField(default=0, db_default=0)
    gap = models.FloatField(default=0, db_default=0)
    gap_squares = models.FloatField(default=0, db_default=0)

    class Meta:
        abstract = True


class ArmTally(Labels):
    """What one writer counted for one arm; an arm's tally is the sum of its shards."""

    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="tallies", db_index=False)
    shard = models.CharField(max_length=64)
    exposures = models.BigIntegerField(default=0, db_default=0)
    errors = models.BigIntegerField(default=0, db_default=0)
    subjects = models.BigIntegerField(default=0, db_default=0)
    slow = models.BigIntegerField(
        default=0, db_default=0, help_text="Predictions slower than the guardrail allows."
    )
    failing = models.BigIntegerField(
        default=0, db_default=0, help_text="Units of a canary that a prediction failed for."
    )
    lagging = models.BigIntegerField(
        default=0, db_default=0, help_text="Units of a canary that one was too slow for."
    )
    latency = models.BinaryField(default=bytes, blank=True)
    answers = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="How often it gave which answer."
    )

    objects = ArmTallyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "arm tallies"
        constraints = (UniqueConstraint(fields=["arm", "shard"], name="tally_shard"),)

    def __str__(self) -> str:
        return f"{self.shard} of arm {self.arm_id}"


class SegmentTally(Labels):
    """What the labels of one segment have shown for one arm."""

    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="segments")
    segment = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "segment tallies"
        constraints = (UniqueConstraint(fields=["arm", "segment"], name="segment_of_arm"),)

    def __str__(self) -> str:
        return f"{self.segment} of arm {self.arm_id}"

    @property
    def tally(self) -> Tally:
        """Of labels alone: what is seen before they come is not counted by segment."""
        return Tally(**{name: getattr(self, name) for name in NAMES if name not in BEFORE_LABELS})


def measured(test: ABTest) -> list[experiment.Arm]:
    """The current arms of a test in order with what was counted for them."""
    counted = ArmTally.objects.filter(arm__abtest=test, arm__phase=test.phase).by_arm()
    return [
        experiment.Arm(
            arm.algorithm.full_name, arm.weight, counted.get(arm.pk, NOTHING), arm.propensity
        )
        for arm in test.current
    ]
