"""From the log of an endpoint to a challenger: seen, trained, judged, and put to the test."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Max

from inference.core.agreement import FUTILITY, MAXIMUM, WINNER
from inference.core.alarms import Kind
from inference.core.experiment import Mode
from inference.core.lifecycle import Rule, Status
from inference.core.retraining import Seen, Trigger
from inference.core.schema import Schema
from inference.management import harvest, publish, versions
from inference.management.harvest import Window
from inference.models import ABTest, Endpoint, MLAlgorithm, MonitorEvent
from inference.services import aliases, drifting, evaluations, experiments, labels, models
from inference.services.aliases import CHALLENGER
from inference.services.evaluations import NewEvaluation
from inference.services.labels import Labelled

if TYPE_CHECKING:
    from inference.core.blessing import Policy
    from inference.training.courses import Course
    from inference.training.estimators import Wanted
    from inference.training.judge import Judged

BY: Final = "retrain"
ANSWERS: Final = "the answers"
_ALL_STOPS: Final = (WINNER, FUTILITY, MAXIMUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The test in the shadow that a challenger has to win.

    `minimum` labels of each arm before which nothing is concluded, `maximum` at which it ends
    anyway, and the smallest `difference` that would matter.
    """

    minimum: int = 100
    maximum: int = 20_000
    difference: float = 0.01
    title: str = ""


@dataclass(frozen=True, slots=True)
class Renewed:
    """What came of it; without a test the challenger was rejected."""

    challenger: MLAlgorithm
    evaluation: int
    judged: Judged
    test: ABTest | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def seen(champion: MLAlgorithm, last: int, now: datetime) -> Seen:
    """What is known of it: by its last labels, and by what was counted of its rows."""
    known = labels.last().get(champion.pk, Labelled(champion.task))
    right, errors = known.right[-last:], known.errors[-last:]
    report = drifting.report(champion.pk)
    drifted = () if report is None else report.drifting
    if report is not None and report.answers_drift:
        drifted = (*drifted, ANSWERS)
    return Seen(
        age=(now - champion.created_at).total_seconds(),
        fresh=_fresh(champion, now),
        judged=len(right) + len(errors),
        accuracy=sum(right) / len(right) if right else None,
        error=sum(errors) / len(errors) if errors else None,
        drifting=drifted,
        changed=_changed(champion),
    )


def _fresh(champion: MLAlgorithm, now: datetime) -> int:
    """Labelled requests since a model was last trained to take its place, or it was made itself."""
    trained = MLAlgorithm.objects.filter(parent=champion).aggregate(at=Max("created_at"))["at"]
    window = Window(trained or champion.created_at, now)
    return harvest.labelled(champion.parent_endpoint.name, window).count()


def _changed(champion: MLAlgorithm) -> str:
    """What stands of the detector of changes."""
    events = MonitorEvent.objects.filter(algorithm=champion, kind=Kind.CHANGE.value)
    latest = events.order_by("-pk").first()
    return "" if latest is None or latest.over else latest.text


def busy(endpoint: Endpoint) -> str | None:
    """Why nothing can be tried there now."""
    test = ABTest.objects.filter(endpoint=endpoint, ended_at=None).first()
    return None if test is None else f"Test {test.pk} runs on {endpoint.name}."


def window(endpoint: str, newest: int | None, since: datetime, until: datetime) -> Window:
    """Of the labelled requests of that time; only the newest so many, if a number is given."""
    whole = Window(since, until)
    if newest is None:
        return whole
    moments = harvest.labelled(endpoint, whole).order_by("-created_at", "-pk")
    oldest = list(moments.values_list("created_at", flat=True)[newest - 1 : newest])
    return Window(oldest[0], until) if oldest else whole


def course(champion: MLAlgorithm, taken: Window, folder: Path, seed: int) -> Course:
    """Written into the folder first, so that it can be looked at, and trained on again."""
    from inference.training import build, courses, profile
    from inference.training.build import Cut
    from inference.training.courses import Files

    how = Cut(seed=seed)
    source = harvest.source(champion.parent_endpoint.name, taken)
    build.write(folder, build.cut(source, how), ".csv")
    learnt = courses.read(Files(folder / "train.csv"), how)
    described = folder / "train.schema.json"
    if described.exists():  # of an earlier run, or edited
        return learnt
    schema = profile.as_before(learnt.schema, Schema.from_json(champion.schema))
    described.write_text(json.dumps(schema.to_json(), indent=1) + "\n")
    return replace(learnt, schema=schema)


def trained(
    champion: MLAlgorithm, learnt: Course, wanted: Wanted, triggers: Sequence[Trigger]
) -> tuple[MLAlgorithm, bool]:
    """The challenger in `testing`, and whether it is new: the same data makes the same one."""
    from inference.training import fitting
    from inference.training.backends import Backend
    from inference.training.fitting import Labels

    told = {
        "parent": versions.told(champion),
        "command": sys.argv[1:],
        "triggers": [trigger._asdict() for trigger in triggers],
    }
    name = champion.parent_endpoint.name
    named = Labels(endpoint=name, owner=champion.owner, lineage=told)
    made = fitting.trained(learnt, wanted, named, Backend())
    return publish.publish(made.bundle, Status.TESTING, by=BY, parent=champion)


def judged(
    challenger: MLAlgorithm, champion: MLAlgorithm, learnt: Course, policy: Policy
) -> Renewed:
    """Beside the champion, on the rows that it was not trained on; whoever fails is rejected."""
    from inference import opening
    from inference.training import judge
    from inference.training.judge import Bench

    bounds = versions.bounds(champion)
    bench = Bench(learnt.held_out, policy, reach=opening.reach(), baseline_apart=bounds)
    found = judge.judged(versions.bundle(challenger), versions.bundle(champion), bench)
    new = NewEvaluation(
        algorithm_id=challenger.pk,
        baseline_id=champion.pk,
        blessed=found.blessed,
        reasons=list(found.reasons),
        report=found.report,
        data_sha256=learnt.held_out.about.sha256,
    )
    made = evaluations.evaluation_record(new, by=BY)
    if not found.blessed:
        why = f"evaluation {made.pk}: {found.reasons[0]}"
        models.algorithm_set_status(challenger.pk, Status.REJECTED, by=BY, reason=why[:1000])
    challenger.refresh_from_db()
    return Renewed(challenger, made.pk, found)


def tested(challenger: MLAlgorithm, champion: MLAlgorithm, how: Trial) -> ABTest:
    """In the shadow, where it can harm nobody; evidence promotes it, rejects it, or neither."""
    endpoint = champion.parent_endpoint_id
    aliases.alias_move(endpoint, CHALLENGER, challenger.pk, by=BY, why="trained")
    return experiments.start(
        how.title or f"{challenger.full_name} for {champion.full_name}",
        BY,
        [(champion, 1), (challenger, 1)],
        Rule.EVIDENCE,
        mode=Mode.SHADOW,
        minimum=how.minimum,
        maximum=how.maximum,
        difference=how.difference,
        stops_on=list(_ALL_STOPS),
    )
