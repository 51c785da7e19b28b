from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, cast

from inference.core.agreement import STOPS, Agreed
from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.lifecycle import Rule
from inference.core.metrics import Metric
from inference.management import naming
from inference.management.step import Outcome, Step
from inference.models import MLAlgorithm
from inference.services import experiments

_AGREED = (
    *("mode", "metric", "alpha", "horizon", "coverage", "difference"),
    *("minimum", "maximum", "stops_on", "segment", "low", "high"),
)


class Command(Step):
    """Starts a test."""

    help = (
        "Starts a test of algorithms on their endpoint's traffic, as a POST to /api/v1/abtests "
        "does. The first arm is the control; what is agreed is frozen."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "arms",
            nargs="+",
            metavar="ARM",
            help="an id or ENDPOINT@ALIAS, the control first; with :WEIGHT at its end, else 1",
        )
        parser.add_argument("--title", required=True)
        parser.add_argument("--by", default="start_test", help="who; for the audit (%(default)s)")
        parser.add_argument("--rule", default=Rule.ACCURACY.value, choices=[*Rule])
        parser.add_argument("--mode", choices=[*Mode])
        parser.add_argument("--metric", choices=[*Metric])
        for name in ("alpha", "coverage", "difference", "low", "high"):
            parser.add_argument(f"--{name}", type=float)
        for name in ("horizon", "minimum", "maximum"):
            parser.add_argument(f"--{name}", type=int)
        parser.add_argument("--stops-on", nargs="*", choices=STOPS, help="what ends it by itself")
        parser.add_argument("--segment", help="a field of the rows by which labels are split")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        agreed = {name: given[name] for name in _AGREED if given[name] is not None}
        arms = [_arm(words) for words in given["arms"]]
        rule, by = Rule(given["rule"]), given["by"]
        test = experiments.start(given["title"], by, arms, rule, **cast("Agreed", agreed))
        facts = {"experiment": test.pk, "endpoint": test.endpoint.name, "mode": test.mode}
        return Outcome(f"Test {test.pk} runs on {test.endpoint.name}.", facts)


def _arm(words: str) -> tuple[MLAlgorithm, int]:
    name, colon, weight = words.rpartition(":")
    if not colon:
        return naming.algorithm(words), 1
    if not (weight.isascii() and weight.isdigit()):
        raise ExperimentInvalid(f"The weight of {name} is a whole number, not {weight!r}.")
    return naming.algorithm(name), int(weight)
