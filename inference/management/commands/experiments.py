from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference import readouts, selectors
from inference.models import ABTest

Json = dict[str, Any]


class Command(BaseCommand):
    """Says how tests stand, in the words of the dashboard."""

    help = (
        "Without an id: the tests that run, each with its verdict. With one: a test with its arms, "
        "its segments and what was done to it. The JSON is what /api/v1/abtests/{id}/live says."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("experiment", type=int, nargs="?", help="the id of a test")
        parser.add_argument("--json", action="store_true", help="print the snapshot")

    def handle(self, *, experiment: int | None, **given: Any) -> None:
        if experiment is None:
            running = selectors.abtests().filter(ended_at=None)
            found = [readouts.experiment_snapshot(test.pk) for test in running]
            text = json.dumps(found) if given["json"] else _listed(found)
        else:
            one = _snapshot(experiment)
            text = json.dumps(one) if given["json"] else _in_words(one)
        self.stdout.write(text)


def _snapshot(experiment: int) -> Json:
    try:
        return readouts.experiment_snapshot(experiment, with_history=True)
    except ABTest.DoesNotExist as error:
        raise CommandError(f"There is no test {experiment}.") from error


def _listed(found: list[Json]) -> str:
    return "\n\n".join(map(_headed, found)) or "No test is running."


def _headed(body: Json) -> str:
    test = body["experiment"]
    state = "" if test["running"] else f", ended {test['ended_at']}: {test['outcome']}"
    head = f"Test {test['id']}, {test['title']!r}, {test['mode']} on {test['endpoint']}{state}"
    return "\n".join([head, f"  {body['verdict']['sentence']}", *_left(test["days_left"])])


def _left(days: float | None) -> list[str]:
    if days is None:
        return []
    if days == 0.0:
        return ["  It has what it needs."]
    return [f"  {days:,.3g} days left at the present rate."]


def _in_words(body: Json) -> str:
    name = body["experiment"]["figure"]
    return "\n".join(
        [
            _headed(body),
            f"Arms, by {name}",
            *(f"  {_arm(arm)}" for arm in body["arms"]),
            *_segments(body["segments"]),
            "What was done, the newest first",
            *(f"  {_event(event)}" for event in body["events"]),
        ]
    )


def _arm(arm: Json) -> str:
    figure = "no labels" if arm["figure"] is None else f"{arm['figure']:.4g}"
    counts = [
        f"{arm[count]:,} {count}" for count in ("labelled", "exposures", "subjects", "errors")
    ]
    return f"{arm['position']} {arm['name']} {arm['version']}: {figure}; {', '.join(counts)}"


def _segments(found: list[Json] | None) -> list[str]:
    if found is None:
        return []
    return [
        "Segments",
        *(
            f"  {each['segment']}: {sum(arm['labelled'] for arm in each['arms']):,} labels. "
            f"{each['verdict']}"
            for each in found
        ),
    ]


def _event(event: Json) -> str:
    why = f": {event['why']}" if event["why"] else ""
    return f"{event['at']} {event['by']} {event['what']} ({event['code']}){why}"
