"""`manage.py settings`: what is in force, and where each value came from."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Prints each setting as `NAME=value  # source: environment|default`, secrets masked."""

    help = "Print every setting in force and where it came from, secrets masked."
    requires_system_checks = ()  # it must work when something else is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--table",
            action="store_true",
            help="print the table of docs/settings.md instead: what may be set, and to what end",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lines = settings.WEIR.table() if options["table"] else settings.WEIR.report()
        self.stdout.writelines(f"{line}\n" for line in lines)
