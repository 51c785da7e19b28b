from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from inference.core.errors import NotFound
from inference.management.step import Outcome, Step
from inference.models import ABTest
from inference.services import endings, experiments
from inference.services.experiments import BY_HAND, Stopped


class Command(Step):
    """Stops a test."""

    help = (
        "Stops a test and does with its arms what its rule says; or promotes a challenger, or "
        "rolls all of them back, whatever it says. A stopped test only says its summary again."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("experiment", type=int, help="the id of a test")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--promote",
            type=int,
            metavar="ARM",
            help="by its place, from 1; one that the verdict names or an evaluation blesses",
        )
        how.add_argument("--roll-back", action="store_true", help="end it as it was before")
        parser.add_argument("--by", default="stop_test", help="who; for the audit (%(default)s)")
        parser.add_argument("--why", default=BY_HAND, help="kept with what is known now")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        number = given["experiment"]
        try:
            stopped = _stopped(number, given)
        except ABTest.DoesNotExist as error:
            raise NotFound(f"There is no test {number}.") from error
        outcome = ABTest.objects.get(pk=number).outcome
        facts = {"experiment": number, "outcome": outcome, "summary": stopped.summary}
        return Outcome(f"{stopped.message} {outcome}: {stopped.summary}", facts)


def _stopped(number: int, given: Mapping[str, Any]) -> Stopped:
    by, why, position = given["by"], given["why"], given["promote"]
    if given["roll_back"]:
        return endings.roll_back(number, by, why)
    if position is not None:
        return endings.promote(number, by, why, position=position, guarded=True)
    return experiments.stop(number, by, why)
