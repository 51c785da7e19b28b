"""A test of algorithms on an endpoint's traffic: what was agreed, who got what, what was done."""

from __future__ import annotations

from django.db import models
from django.db.models import Q, UniqueConstraint
from django.utils import timezone

from inference.core import experiment, safeguards
from inference.core.experiment import Mode
from inference.core.lifecycle import Rule
from inference.core.metrics import Measure, Metric
from inference.core.safeguards import Safeguards
from inference.core.schema import Task
from inference.models.fields import NAME_LENGTH, WHY_LENGTH, while_true
from inference.models.registry import Endpoint, MLAlgorithm


class ABTest(models.Model):
    """A test of one endpoint's algorithms on its traffic; what is agreed is frozen at the start."""

    title = models.TextField(max_length=10_000)
    created_by = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=NAME_LENGTH, blank=True)
    summary = models.TextField(null=True, blank=True, max_length=10_000)  # noqa: DJ001  # null until stopped
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="tests")
    salt = models.CharField(max_length=64, help_text="What a subject is hashed with.")
    mode = models.CharField(
        max_length=8,
        choices=[(mode.value, mode.value) for mode in Mode],
        default=Mode.SPLIT.value,
        help_text="How the arms meet the traffic.",
    )
    metric = models.CharField(
        max_length=16,
        choices=[(metric.value, metric.value) for metric in Metric],
        default=Metric.CORRECTNESS.value,
        help_text="What a label says about a prediction: what the test decides by.",
    )
    low = models.FloatField(null=True, blank=True, help_text="Rewards below this count as this.")
    high = models.FloatField(
        null=True, blank=True, help_text="Rewards and errors above this count as this."
    )
    minimum = models.PositiveIntegerField(
        default=0, help_text="Labels of each arm before which nothing is concluded."
    )
    maximum = models.PositiveIntegerField(
        null=True, blank=True, help_text="Labels of all arms at which it may stop by itself."
    )
    stops_on = models.JSONField(
        default=list, blank=True, help_text="What stops it by itself: winner, futility, maximum."
    )
    guardrails = models.JSONField(default=dict, blank=True, help_text="What a canary may not do.")
    segment = models.CharField(
        max_length=NAME_LENGTH,
        blank=True,
        help_text="The field of a row by which labels are split.",
    )
    step = models.PositiveSmallIntegerField(
        default=0, help_text="Where a canary stands on its ramp; counts from 0."
    )
    step_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it got there."
    )
    rule = models.CharField(
        max_length=16,
        choices=[(rule.value, rule.value) for rule in Rule],
        default=Rule.ACCURACY.value,
        help_text="Who is promoted at a stop: the best, a proven winner, nobody.",
    )
    alpha = models.FloatField(default=0.05)
    horizon = models.PositiveIntegerField(default=5000)
    difference = models.FloatField(
        null=True,
        blank=True,
        help_text="The smallest difference of scores that would matter; none: any would.",
    )
    coverage = models.FloatField(
        default=1.0, help_text="Share of the units that take part; it is only ever raised."
    )
    phase = models.PositiveIntegerField(default=1, help_text="Counts from 1; a re-weight ends one.")
    pruned = models.BooleanField(
        default=False, help_text="Whether rows of it have left the log: it cannot be recounted."
    )
    evidence = models.JSONField(null=True, blank=True)
    outcome = models.CharField(max_length=32, blank=True)
    running_slot = while_true(Q(ended_at__isnull=True), "endpoint")

    class Meta:
        ordering = ("id",)
        verbose_name = "A/B test"

    def __str__(self) -> str:
        return f"#{self.pk} {self.title[:60]}"

    @property
    def terms(self) -> experiment.Terms:
        """What was agreed before it began."""
        return experiment.Terms(
            measure=self.measure,
            alpha=self.alpha,
            horizon=self.horizon,
            difference=self.difference,
            mode=Mode(self.mode),
            minimum=self.minimum,
        )

    @property
    def safeguards(self) -> Safeguards | None:
        """What a canary keeps to; None for other tests, which count nothing for it."""
        return safeguards.parsed(self.guardrails) if self.mode == Mode.CANARY else None

    @property
    def task(self) -> Task:
        """Which is the same for all its arms."""
        return self.current[0].algorithm.task

    @property
    def measure(self) -> Measure:
        """What its labels count for."""
        return Measure(Metric(self.metric), self.low, self.high)

    @property
    def current(self) -> list[Arm]:
        """The arms of the phase that it is in, in order."""
        return [arm for arm in self.arms.all() if arm.phase == self.phase]


class Arm(models.Model):
    """One algorithm's share of a test, for as long as the weights stay: each phase has its own.

    So whatever is counted for an arm is counted for a phase, and belongs to units that were
    assigned in that phase, whenever they come back.
    """

    abtest = models.ForeignKey(ABTest, on_delete=models.CASCADE, related_name="arms")
    phase = models.PositiveIntegerField(default=1)
    position = models.PositiveSmallIntegerField(help_text="Counts from 1.")
    algorithm = models.ForeignKey(MLAlgorithm, on_delete=models.PROTECT, related_name="arms")
    weight = models.PositiveIntegerField(default=1)
    propensity = models.FloatField(
        default=0.0, help_text="The chance of a unit that takes part to get it; exact."
    )
    status_before = models.CharField(max_length=32)

    class Meta:
        ordering = ("abtest_id", "phase", "position")
        constraints = (
            UniqueConstraint(fields=["abtest", "phase", "position"], name="arm_place"),
            UniqueConstraint(fields=["abtest", "phase", "algorithm"], name="arm_of_phase"),
            models.CheckConstraint(condition=Q(weight__gte=1), name="arm_weight_at_least_one"),
        )

    def __str__(self) -> str:
        return f"arm {self.position} of test {self.abtest_id}, phase {self.phase}"


class Reweight(models.Model):
    """When a phase began that is not the first one, and by whom."""

    abtest = models.ForeignKey(ABTest, on_delete=models.CASCADE, related_name="reweights")
    phase = models.PositiveIntegerField(help_text="The one that began; it counts from 2.")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    made_by = models.CharField(max_length=NAME_LENGTH)

    class Meta:
        ordering = ("abtest_id", "phase")
        constraints = (UniqueConstraint(fields=["abtest", "phase"], name="reweight_phase"),)

    def __str__(self) -> str:
        return f"phase {self.phase} of test {self.abtest_id}"


class Roster(models.Model):
    """A piece of the list of subjects that a phase leaves behind with their arms; see `core.kept`.

    In pieces, because a database may refuse a statement as long as a list can be.
    """

    abtest = models.ForeignKey(ABTest, on_delete=models.CASCADE, related_name="rosters")
    phase = models.PositiveIntegerField(help_text="The one that ended.")
    piece = models.PositiveIntegerField(help_text="Counts from 0.")
    data = models.BinaryField()

    class Meta:
        ordering = ("abtest_id", "phase", "piece")
        constraints = (UniqueConstraint(fields=["abtest", "phase", "piece"], name="roster_piece"),)

    def __str__(self) -> str:
        return f"piece {self.piece} of phase {self.phase} of test {self.abtest_id}"


class Exposure(models.Model):
    """That a subject has been seen in a phase of a test, written once however often it comes.

    Of the name only a hash is kept. Nothing is checked by the database, for the reasons that
    `MLRequest` gives.
    """

    pk = models.CompositePrimaryKey("abtest_id", "phase", "subject")
    abtest = models.ForeignKey(
        ABTest,
        on_delete=models.CASCADE,
        related_name="exposures",
        db_index=False,
        db_constraint=False,
    )
    phase = models.PositiveIntegerField()
    subject = models.BigIntegerField(help_text="See `assignment.subject_hash`.")
    arm = models.ForeignKey(
        Arm, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    bucket = models.PositiveSmallIntegerField()
    propensity = models.FloatField(help_text="Of the arm, when the subject came first.")
    labelled = models.BigIntegerField(
        null=True, help_text="The prediction whose label counts for this subject."
    )
    first = models.BigIntegerField(
        null=True, help_text="The prediction that the subject came with."
    )
    failing = models.BooleanField(default=False, db_default=False, help_text="In a canary.")
    lagging = models.BooleanField(default=False, db_default=False, help_text="In a canary.")

    def __str__(self) -> str:
        return f"exposure {self.subject:x} in phase {self.phase} of test {self.abtest_id}"


class Decision(models.Model):
    """What somebody, or a rule agreed upon, did to a test, and what was known at that moment."""

    abtest = models.ForeignKey(ABTest, on_delete=models.CASCADE, related_name="decisions")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    made_by = models.CharField(max_length=NAME_LENGTH)
    what = models.CharField(max_length=32)
    why = models.CharField(max_length=WHY_LENGTH, blank=True)
    evidence = models.JSONField(default=dict, help_text="The snapshot of the test at that moment.")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.what} of test {self.abtest_id}"


class Point(models.Model):
    """Where a test stood once; few are kept, the further back the fewer."""

    abtest = models.ForeignKey(ABTest, on_delete=models.CASCADE, related_name="points")
    phase = models.PositiveIntegerField()
    labelled = models.BigIntegerField(help_text="Of all arms together, at that moment.")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    values = models.JSONField(default=dict)

    class Meta:
        ordering = ("abtest_id", "phase", "labelled")
        constraints = (UniqueConstraint(fields=["abtest", "phase", "labelled"], name="point"),)

    def __str__(self) -> str:
        return f"{self.labelled} labels of test {self.abtest_id}, phase {self.phase}"
