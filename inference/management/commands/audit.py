from __future__ import annotations

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference import trails
from inference.core.audit import START, Fault
from inference.models import AuditEntry
from inference.services import audit

BROKEN: Final = 1  # exit status


class Command(BaseCommand):
    """Says what was done to algorithms, and whether anybody changed what it says."""

    help = (
        "What was done to algorithms, aliases and endpoints, by whom and why, the newest last. "
        "--verify computes every hash of the chain again; exit status 1 and the first row that "
        "does not fit if somebody changed, dropped or put in a row. Rows that were cut off at the "
        "end are seen by --expect, with what an earlier --verify printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--endpoint", help="only what was done there")
        parser.add_argument("--limit", type=int, default=50, help="at most so many (%(default)s)")
        parser.add_argument("--verify", action="store_true", help="check the chain of hashes")
        parser.add_argument("--expect", metavar="ROW:HASH", help="what --verify printed before")
        parser.add_argument("--json", action="store_true", help="say it as JSON")

    def handle(self, *, verify: bool, **given: Any) -> None:
        if verify or given["expect"]:
            self._verify(given["expect"], as_json=given["json"])
            return
        rows = trails.entries(endpoint=given["endpoint"]).order_by("-id")[: max(1, given["limit"])]
        try:
            found = [trails.entry(row) for row in reversed(rows)]
        except (TypeError, ValueError) as error:  # of what no row of ours can hold
            message = "The audit holds what was not written by it; --verify says where."
            raise CommandError(message) from error
        self.stdout.write(json.dumps(found) if given["json"] else _listed(found))

    def _verify(self, expected: str | None, *, as_json: bool) -> None:
        fault = audit.fault() or _unexpected(expected)
        self.stdout.write(_as_json(fault) if as_json else _in_words(fault))
        if fault is not None:
            raise SystemExit(BROKEN)


def _in_words(fault: Fault | None) -> str:
    if fault is not None:
        return f"The audit is broken: {fault.reason}."
    number, digest = audit.head() or (0, START)
    return f"The audit: {number} rows, whole. The last is {number}:{digest}"


def _as_json(fault: Fault | None) -> str:
    number, digest = audit.head() or (0, START)
    return json.dumps(
        {
            "whole": fault is None,
            "rows": AuditEntry.objects.count(),
            "head": f"{number}:{digest}",
            "fault": None if fault is None else fault._asdict(),
        }
    )


def _unexpected(expected: str | None) -> Fault | None:
    """What was kept elsewhere, beside what is here."""
    if not expected:
        return None
    number, _, digest = expected.partition(":")
    if not number.isdigit():
        raise CommandError("--expect is the number of a row, a colon and its hash.")
    row = AuditEntry.objects.filter(pk=int(number)).first()
    if row is None:
        return Fault(int(number), f"row {number} is missing")
    return None if row.hash == digest else Fault(row.pk, f"row {number} has another hash than then")


def _listed(found: list[dict[str, Any]]) -> str:
    return "\n".join(map(_line, found)) or "Nothing was done."


def _line(row: dict[str, Any]) -> str:
    whom = f"algorithm {row['algorithm']} of " if row["algorithm"] else ""
    change = f" {row['before']} -> {row['after']}" if row["before"] else f" {row['after']}"
    why = f": {row['why']}" if row["why"] else ""
    return f"{row['id']} {row['at']} {row['by']} {row['what']} {whom}{row['endpoint']}{change}{why}"
