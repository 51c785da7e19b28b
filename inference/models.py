"""What Weir keeps in the database: fields and the constraints that no code can get round.

"At most one of these may be active" is said by a generated column that holds the owner's id while
the row is active and NULL otherwise, with a unique constraint on it. A partial unique index would
say the same, but MariaDB would silently leave it out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields
from typing import ClassVar, Final

from django.db import models
from django.db.models import Case, F, GeneratedField, Q, Sum, UniqueConstraint, When
from django.db.models.functions import Now
from django.utils import timezone

from inference.core import experiment, graphanswers, safeguards
from inference.core.experiment import Mode
from inference.core.graphs import GRAPH, Graph
from inference.core.lifecycle import Rule, Status
from inference.core.metrics import Measure, Metric
from inference.core.safeguards import Safeguards
from inference.core.schema import Task
from inference.core.tally import NAMES, NOTHING, Tally
from inference.core.types import LogMode

NAME_LENGTH: Final = 128
FEEDBACK_LENGTH: Final = 10_000
WHY_LENGTH: Final = 1000
BEFORE_LABELS: Final = frozenset({"exposures", "errors", "subjects", "slow", "failing", "lagging"})


def _while_true(condition: Q, owner: str) -> GeneratedField:
    """The owner's id while the condition holds, else NULL: unique, so one such row per owner."""
    return GeneratedField(
        expression=Case(When(condition, then=F(owner))),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
        unique=True,
    )


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
    production_slot = _while_true(Q(current_status=Status.PRODUCTION.value), "parent_endpoint")

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
    active_slot = _while_true(Q(active=True), "parent_mlalgorithm")

    class Meta:
        ordering = ("id",)
        verbose_name = "algorithm status"
        verbose_name_plural = "algorithm statuses"

    def __str__(self) -> str:
        return f"{self.status} since {self.created_at:%Y-%m-%d %H:%M}"


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
    running_slot = _while_true(Q(ended_at__isnull=True), "endpoint")

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

    def measured(self) -> list[experiment.Arm]:
        """The current arms in order with what was counted for them."""
        counted = ArmTally.objects.filter(arm__abtest=self, arm__phase=self.phase).by_arm()
        return [
            experiment.Arm(
                arm.algorithm.full_name, arm.weight, counted.get(arm.pk, NOTHING), arm.propensity
            )
            for arm in self.current
        ]


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


class ApiKey(models.Model):
    """A machine's way in; of the secret only a hash is kept."""

    prefix = models.CharField(max_length=16, unique=True)
    hashed = models.CharField(max_length=128)
    name = models.CharField(max_length=NAME_LENGTH)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"


class RegistryState(models.Model):
    """One row whose version moves with every change that a serving process must hear of."""

    ONLY: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"registry version {self.version}"


class IdBlock(models.Model):
    """The next id that nobody has been given yet."""

    name = models.CharField(max_length=32, unique=True)
    next = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.name} from {self.next}"


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
