from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.core.errors import NotBlessed, WeirError
from inference.core.lifecycle import IN_TEST, Status
from inference.management import naming
from inference.management.step import FAILED, REFUSED, refusal
from inference.services import promotions
from inference.services.promotions import Gate

_TARGETS = [each.value for each in Status if each not in IN_TEST | {Status.ROLLED_BACK}]


class Command(BaseCommand):
    """Puts an algorithm into another status, through the gate."""

    help = (
        "Puts an algorithm into another status. Into production goes only what its latest "
        "evaluation blesses beside the one that is there now, or what has won a test against it; "
        "--force with a --reason opens the gate, and the audit keeps both. Exit status 2 if it "
        "is not blessed, 1 if anything else is in the way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "algorithm",
            help="an id, ENDPOINT@ALIAS, or ENDPOINT: its challenger, or else its newest candidate",
        )
        parser.add_argument("--to", default=Status.PRODUCTION.value, choices=_TARGETS)
        parser.add_argument("--force", action="store_true", help="also if it is not blessed")
        parser.add_argument("--reason", default="", help="why; --force wants one")
        parser.add_argument("--by", default="promote", help="who; for the audit (%(default)s)")
        parser.add_argument("--json", action="store_true", help="say it as JSON")

    def handle(self, *, algorithm: str, force: bool, reason: str, **given: Any) -> None:
        if force and not reason.strip():
            raise CommandError("--force wants a --reason: it is what the audit keeps.")
        gate = Gate(forced=reason if force else "")
        status = Status(given["to"])
        try:
            row = naming.algorithm(algorithm)
            before = row.current_status
            promotions.promote(row.pk, status, by=given["by"], why=reason, gate=gate)
        except WeirError as error:
            code = REFUSED if isinstance(error, NotBlessed) else FAILED
            raise refusal(self, error, code, as_json=given["json"]) from error
        said = {"algorithm": row.pk, "before": before, "after": given["to"], "forced": force}
        text = f"{row} is {given['to']} now; it was {before}."
        self.stdout.write(json.dumps(said) if given["json"] else text)
