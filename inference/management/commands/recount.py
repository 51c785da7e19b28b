from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.core.errors import ExperimentInvalid
from inference.models import ABTest
from inference.services import recount
from inference.services.recount import Line

REFUSED: Final = 2  # exit status; 1 says that log and tallies differ


class Command(BaseCommand):
    """Compares the tallies of a test with the log."""

    help = (
        "Recomputes every tally of a test from the log, by arm and phase, and says whether they "
        "agree to the last unit. It may run while predictions are counted. Exit status 1 if they "
        "differ (and were not repaired), 2 if rows of the test have left the log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("experiment", type=int, help="the id of a test")
        parser.add_argument(
            "--repair", action="store_true", help="make the tallies what the log says"
        )
        parser.add_argument("--json", action="store_true", help="say it as JSON")

    def handle(self, *, experiment: int, repair: bool, **given: Any) -> None:
        lines = _recounted(experiment)
        agrees = not any(line.differences for line in lines)
        if repair:
            recount.repair(lines)
        said = _as_json if given["json"] else _in_words
        self.stdout.write(said(experiment, lines, repaired=repair and not agrees))
        if not agrees and not repair:
            raise SystemExit(1)


def _recounted(experiment: int) -> Sequence[Line]:
    try:
        return recount.recount(experiment)
    except ABTest.DoesNotExist as error:
        raise CommandError(f"There is no test {experiment}.", returncode=REFUSED) from error
    except ExperimentInvalid as error:
        raise CommandError(error.message, returncode=REFUSED) from error


def _in_words(experiment: int, lines: Sequence[Line], *, repaired: bool) -> str:
    said = [
        f"phase {line.arm.phase}, arm {line.arm.position}{_where(line)}, {name}: counted {ours:,}, "
        f"the log says {theirs:,}"
        for line in lines
        for name, (ours, theirs) in line.differences.items()
    ]
    predictions = sum(line.found.exposures for line in lines)
    if not said:
        return f"Test {experiment}: {predictions:,} predictions; log and tallies agree."
    said.append(f"Test {experiment}: log and tallies differ{'; repaired' * repaired}.")
    return "\n".join(said)


def _where(line: Line) -> str:
    return f", segment {line.segment}" if line.segment else ""


def _as_json(experiment: int, lines: Sequence[Line], *, repaired: bool) -> str:
    body = {
        "experiment": experiment,
        "agrees": not any(line.differences for line in lines),
        "repaired": repaired,
        "arms": [
            {
                "phase": line.arm.phase,
                "position": line.arm.position,
                "arm": line.arm.pk,
                "segment": line.segment or None,
                "counted": asdict(line.counted),
                "log": asdict(line.found),
                "differences": sorted(line.differences),
            }
            for line in lines
        ],
    }
    return json.dumps(body, indent=1)
