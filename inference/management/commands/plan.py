from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inference import planner
from inference.core.errors import ExperimentInvalid
from inference.models import Endpoint

_NEVER = "never"


class Command(BaseCommand):
    """Says how long a test would take."""

    help = (
        "How many labels a test of an endpoint needs and how many days it takes, by the endpoint's "
        "own traffic, before it is started."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("endpoint", help="its name")
        for name, meaning in planner.WISHES.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, help=meaning, required=name == "difference")
        parser.add_argument("--json", action="store_true", help="say it as JSON")

    def handle(self, *, endpoint: str, **given: Any) -> None:
        wishes = {name: given[name] for name in planner.WISHES if given[name] is not None}
        try:
            found = planner.plan(Endpoint.objects.get(name=endpoint), wishes, timezone.now())
        except Endpoint.DoesNotExist as error:
            raise CommandError(f"There is no endpoint {endpoint!r}.") from error
        except ExperimentInvalid as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(found) if given["json"] else _in_words(found))


def _in_words(found: dict[str, Any]) -> str:
    labels, days, aim = found["labels"], found["days"], found["aim"]
    lines = [
        f"A difference of {aim['difference']:g}, seen with a chance of {100 * aim['power']:g} %:",
        f"  watched all the time   {_many(labels['watched'])} labels, {_long(days['watched'])}",
        f"  in the shadow          {_paired(labels, days)}",
        f"  looked at once         {_many(labels['fixed'])} labels, {_long(days['fixed'])}",
        f"At {found['labels_a_day']:,.1f} labels a day the smallest difference that is seen is",
        *(f"  after {n:>2} days  {_small(seen)}" for n, seen in found["detectable"].items()),
    ]
    return "\n".join(lines)


def _paired(labels: dict[str, Any], days: dict[str, Any]) -> str:
    if labels["paired"] is None:
        return "say --discordant, or run one: how often do the models disagree?"
    return f"{_many(labels['paired'])} labels, {_long(days['paired'])}"


def _many(labels: int | None) -> str:
    return _NEVER if labels is None else f"{labels:,}"


def _long(days: float | None) -> str:
    return _NEVER if days is None else f"{days:,.1f} days"


def _small(seen: float | None) -> str:
    return "none" if seen is None else f"{seen:.3g}"
