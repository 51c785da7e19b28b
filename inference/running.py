"""The tests that run as routing sees them: their arms, and who keeps one of an earlier phase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from inference import models
from inference.core.experiment import Mode
from inference.core.kept import Kept
from inference.core.lifecycle import Status
from inference.core.routing import CHAMPION, Algorithm, Arm, Experiment


def experiments(known: Mapping[int, Experiment]) -> dict[int, Experiment]:
    """The running one of each endpoint, by the endpoint's id; `known`, by their own, spare a read.

    A list of subjects is read once: it never changes, and the next phase's is added to it.
    """
    tests = models.ABTest.objects.filter(ended_at=None).prefetch_related("arms__algorithm")
    return {test.endpoint_id: _experiment(test, known.get(test.pk)) for test in tests}


def aliases() -> Mapping[int, Mapping[str, int]]:
    """Of each endpoint, by its id; the champion is in production, or was when the test began."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for endpoint, name, named in models.Alias.objects.values_list("endpoint", "name", "algorithm"):
        found[endpoint][name] = named
    was = models.Arm.objects.filter(abtest__ended_at=None, status_before=Status.PRODUCTION.value)
    rows = models.MLAlgorithm.objects.filter(current_status=Status.PRODUCTION.value)
    champions = [
        *was.values_list("abtest__endpoint", "algorithm"),
        *rows.values_list("parent_endpoint", "id"),
    ]
    for endpoint, champion in champions:
        found[endpoint][CHAMPION] = champion
    return found


def algorithm(row: models.MLAlgorithm) -> Algorithm:
    return Algorithm(row.pk, row.name, row.version, row.current_status)


def _experiment(test: models.ABTest, known: Experiment | None) -> Experiment:
    arms, earlier = test.current, [arm for arm in test.arms.all() if arm.phase < test.phase]
    return Experiment(
        id=test.pk,
        salt=test.salt,
        arms=_meeting(test, tuple(map(_arm, arms))),
        coverage=test.coverage,
        earlier=tuple(map(_arm, earlier)),
        kept=_kept(test, Kept() if known is None else known.kept, len(arms)),
        rest=_rest(test, arms),
    )


def _meeting(test: models.ABTest, arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """In a shadow test all inputs of the first go to the others as well."""
    if test.mode != Mode.SHADOW:
        return arms
    return replace(arms[0], shadows=arms[1:]), *arms[1:]


def _arm(arm: models.Arm) -> Arm:
    return Arm(arm.pk, algorithm(arm.algorithm), arm.weight)


def _kept(test: models.ABTest, known: Kept, arms: int) -> Kept:
    if known.through == test.phase - 1:
        return known
    rosters = models.Roster.objects.filter(abtest=test, phase__gt=known.through)
    rows = rosters.filter(phase__lt=test.phase).values_list("phase", "data")
    pieces = {phase: [bytes(data) for _, data in its] for phase, its in groupby(rows, _phase)}
    ended = range(known.through + 1, test.phase)
    return known.followed_by(arms, [pieces.get(phase, []) for phase in ended])


def _phase(row: tuple[int, object]) -> int:
    return row[0]


def _rest(test: models.ABTest, arms: Sequence[models.Arm]) -> Algorithm | None:
    """Who answers units that take no part: what is in production, or was before the test."""
    if test.coverage == 1.0:
        return None
    production = models.MLAlgorithm.objects.filter(
        parent_endpoint=test.endpoint_id, current_status=Status.PRODUCTION.value
    ).first()
    was = [arm.algorithm for arm in arms if arm.status_before == Status.PRODUCTION.value]
    found = production or next(iter(was), None)
    return None if found is None else algorithm(found)
