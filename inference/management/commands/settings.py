"""`manage.py settings`: what is in force, and where each value came from."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prints each setting as `NAME=value  # source: environment|default`, secrets masked."""

    help = "Print every setting in force and where it came from, secrets masked."
    requires_system_checks: list[str] = []  # it must work when something else is wrong

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per setting."""
        for line in settings.WEIR.report():
            self.stdout.write(line)
