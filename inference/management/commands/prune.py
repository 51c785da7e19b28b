from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inference.core import retention as ages
from inference.models import Endpoint
from inference.services import retention
from inference.services.retention import Terms

LARGEST: Final = 100_000


class Command(BaseCommand):
    """Deletes old rows of the prediction log."""

    help = (
        "Deletes old rows of the prediction log, a few at a time. Never those of running tests, of "
        "tests that ended within the same age, or of requests that may still be asked for. What "
        "was counted stays counted. It may be stopped at any time; the next run goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", required=True, help="an age: 12h, 90d or 26w")
        parser.add_argument(
            "--endpoint", action="append", default=[], help="of this one; may be repeated"
        )
        parser.add_argument(
            "--keep-labelled", action="store_true", help="keep rows that have feedback"
        )
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")
        parser.add_argument(
            "--batch", type=int, default=10_000, help="rows that are looked at together"
        )

    def handle(self, *, batch: int, dry_run: bool, **given: Any) -> None:
        if not 0 < batch <= LARGEST:
            raise CommandError(f"--batch is 1 to {LARGEST:,}.")
        terms = _terms(given)
        deleted = kept = 0
        for step in retention.prune(terms, batch, dry_run=dry_run):
            deleted += step.deleted
            kept += step.kept
            if given["verbosity"] > 1:
                self.stdout.write(f"up to id {step.last}: {deleted:,}")
        went = "would be deleted" if dry_run else "deleted"
        moment, young = f"{terms.before:%Y-%m-%d %H:%M} UTC", retention.end(terms.before)
        self.stdout.write(
            f"{deleted:,} rows from before {moment} {went}, {kept:,} kept. "
            f"Ids from {young} on are younger."
        )


def _terms(given: dict[str, Any]) -> Terms:
    try:
        before = timezone.now() - ages.age(given["older_than"])
    except (ValueError, OverflowError) as error:
        raise CommandError(str(error)) from error
    known = set(Endpoint.objects.values_list("name", flat=True))
    if unknown := set(given["endpoint"]) - known:
        raise CommandError(f"There is no endpoint {min(unknown)!r}.")
    return Terms(before, given["endpoint"], given["keep_labelled"])
