from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inference.core.errors import WeirError
from inference.management import naming
from inference.management.step import FAILED, refusal
from inference.services import promotions


class Command(BaseCommand):
    """Puts back into production what was there before."""

    requires_system_checks = ()  # it is asked for when every moment counts
    help = (
        "Puts back into production what was there before, and the one that is there now aside as "
        "rolled_back. Every process follows within a quarter of a second and the time it takes to "
        "load a model that it had let go."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("endpoint", help="its name")
        parser.add_argument("--to", type=int, help="the id of one that was in production earlier")
        parser.add_argument("--reason", default="", help="why; the audit keeps it")
        parser.add_argument("--by", default="rollback", help="who; for the audit (%(default)s)")
        parser.add_argument("--json", action="store_true", help="say it as JSON")

    def handle(self, *, endpoint: str, to: int | None, reason: str, **given: Any) -> None:
        try:
            row = naming.endpoint(endpoint)
            swapped = promotions.roll_back(row.pk, by=given["by"], why=reason, to=to)
        except WeirError as error:
            raise refusal(self, error, FAILED, as_json=given["json"]) from error
        said = {"production": swapped.now.pk, "rolled_back": swapped.before.pk}
        text = f"{swapped.now} is in production again; {swapped.before} is rolled back."
        self.stdout.write(json.dumps(said) if given["json"] else text)
