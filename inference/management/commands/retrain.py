from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from inference.core import retraining
from inference.core.errors import TransitionRefused
from inference.core.retraining import DAY, Policy, Seen, Trigger
from inference.management import naming, versions
from inference.management.step import Outcome, Step, moment, stages

if TYPE_CHECKING:
    from inference.management.renewal import Renewed
    from inference.models import MLAlgorithm

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SLACK: Final = 0.05  # of accuracy below what was measured when the model was made


class Command(Step):
    """Trains a challenger from the log and puts it to the test."""

    help = (
        "Trains a model from the labelled requests of an endpoint, judges it beside the one in "
        "production on rows that it has not seen, and starts a test in the shadow that promotes it "
        "by evidence; never straight to production. With --if-needed, for a scheduler: only if a "
        "trigger fires (drift, accuracy, age, labels). Ends with 0 if nothing is to be done or the "
        "test runs, 1 if the new model is rejected, 2 if it could not be made."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("endpoint")
        _triggers(parser)
        _making(parser)
        test = parser.add_argument_group("the test in the shadow")
        test.add_argument("--minimum", type=int, default=100, help="labels of each arm (100)")
        test.add_argument("--maximum", type=int, default=20_000, help="labels in all (20000)")
        test.add_argument("--difference", type=float, default=0.01, help="that matters (0.01)")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference.management import renewal

        endpoint, now = naming.endpoint(given["endpoint"]), datetime.now(UTC)
        if (waits := renewal.busy(endpoint)) is not None:
            return _left(given, waits)
        champion = versions.champion(endpoint.pk)
        if champion is None:
            raise TransitionRefused(f"{endpoint.name} has nothing in production to improve on.")
        seen = renewal.seen(champion, given["last"], now)
        policy = _policy(given, champion)
        triggers = retraining.fired(seen, policy)
        waits = retraining.held(seen, policy)
        if given["if_needed"] and not triggers:
            return _left(given, "No trigger fires.", seen)
        if given["if_needed"] and waits is not None:
            return _left(given, waits, seen, triggers)
        return _renewed(given, champion, triggers, now)


def _triggers(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("triggers")
    group.add_argument("--if-needed", action="store_true", help="only if one of these fires")
    group.add_argument("--floor", type=float, help="of accuracy; by default 0.05 below its metric")
    group.add_argument("--ceiling", type=float, help="of the mean absolute error of numbers")
    group.add_argument("--last", type=int, default=200, help="labels that those are of (200)")
    group.add_argument("--max-age-days", type=float, help="of the model in production")
    group.add_argument("--new-labels", type=int, help="since the last training")
    group.add_argument("--no-drift", action="store_true", help="drift alone calls for nothing")
    group.add_argument("--least", type=int, default=200, help="new labels to train at all (200)")


def _making(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the new model")
    group.add_argument("--estimator", "--recipe", default="random forest", metavar="WHAT")
    group.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    group.add_argument("--seed", type=int, default=20, help="of whatever is drawn (20)")
    group.add_argument("--since", type=moment, default=_LONG_AGO, help="of requests")
    group.add_argument("--newest", type=int, metavar="ROWS", help="only so many labelled requests")
    group.add_argument("--margin", type=float, default=0.01, help="behind the champion (0.01)")
    group.add_argument("--folder", type=Path, help="for the data set; by default in the data dir")


def _policy(given: Mapping[str, Any], champion: MLAlgorithm) -> Policy:
    made, floor = champion.metrics.get("accuracy"), given["floor"]
    if floor is None and made is not None:
        floor = max(0.0, made - _SLACK)
    days = given["max_age_days"]
    return Policy(
        drift=not given["no_drift"],
        floor=floor,
        ceiling=given["ceiling"],
        age=None if days is None else days * DAY,
        labels=given["new_labels"],
        least=given["least"],
    )


def _left(
    given: Mapping[str, Any],
    why: str,
    seen: Seen | None = None,
    triggers: Sequence[Trigger] = (),
) -> Outcome:
    """Nothing was done."""
    facts = {
        "endpoint": given["endpoint"],
        "trained": False,
        "why": why,
        "triggers": _told(triggers),
        "seen": None if seen is None else _said(seen),
    }
    return Outcome(f"{given['endpoint']}: nothing to be done. {why}", facts)


def _renewed(
    given: Mapping[str, Any], champion: MLAlgorithm, triggers: Sequence[Trigger], now: datetime
) -> Outcome:
    from inference.core import blessing
    from inference.management import renewal
    from inference.training import estimators
    from inference.training.estimators import Wanted

    taken = renewal.window(given["endpoint"], given["newest"], given["since"], now)
    wanted = Wanted(given["estimator"], estimators.params(given["param"]), given["seed"])
    with stages("retrain", 4) as told:
        told("read the log")
        learnt = renewal.course(champion, taken, _folder(given, now), given["seed"])
        told("fit, compile, measure")
        challenger, new = renewal.trained(champion, learnt, wanted, triggers)
        if not new:
            return _left(given, f"This is algorithm {challenger.pk} once more.", None, triggers)
        told("judge beside the champion")
        policy = blessing.Policy(margin=given["margin"])
        found = renewal.judged(challenger, champion, learnt, policy)
        if not found.judged.blessed:
            return _outcome(given, found, triggers, None)
        told("put to the test")
        how = renewal.Trial(
            minimum=given["minimum"], maximum=given["maximum"], difference=given["difference"]
        )
        test = renewal.tested(challenger, champion, how)
    return _outcome(given, found, triggers, test.pk)


def _folder(given: Mapping[str, Any], now: datetime) -> Path:
    folder: Path | None = given["folder"]
    place: Path = settings.WEIR.data_dir / "datasets" / given["endpoint"]
    return folder or place / f"{now:%Y%m%dT%H%M%S%f}"


def _outcome(
    given: Mapping[str, Any], found: Renewed, triggers: Sequence[Trigger], test: int | None
) -> Outcome:
    challenger, judged = found.challenger, found.judged
    facts = {
        "endpoint": given["endpoint"],
        "trained": True,
        "triggers": _told(triggers),
        "challenger": challenger.pk,
        "evaluation": found.evaluation,
        "blessed": judged.blessed,
        "reasons": list(judged.reasons),
        "experiment": test,
        "lineage": challenger.lineage,
    }
    lines = [*(trigger.why for trigger in triggers), *judged.reasons]
    if test is None:
        verdict = f"{challenger} is rejected by evaluation {found.evaluation}."
        return Outcome("\n".join([*lines, verdict]), facts, failed=verdict)
    verdict = f"{challenger} is blessed (evaluation {found.evaluation}); test {test} runs."
    return Outcome("\n".join([*lines, verdict]), facts)


def _told(triggers: Sequence[Trigger]) -> list[dict[str, str]]:
    return [{"kind": trigger.kind.value, "why": trigger.why} for trigger in triggers]


def _said(seen: Seen) -> dict[str, Any]:
    return {
        "age_s": round(seen.age, 1),
        "fresh": seen.fresh,
        "judged": seen.judged,
        "accuracy": seen.accuracy,
        "error": seen.error,
        "drifting": list(seen.drifting),
        "changed": seen.changed,
    }
