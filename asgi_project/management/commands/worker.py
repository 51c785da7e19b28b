"""`manage.py worker`: holds models and computes what the web processes send through Redis."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from asgi_project.env import Environment
from asgi_project.logs import JsonFormatter
from asgi_project.management.commands.serve import refuse_taken


class Command(BaseCommand):
    """Works until it is told to stop; then finishes what it has in hand."""

    help = "Compute what web processes send through Redis; SIGTERM finishes what is in hand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--models",
            metavar="ENDPOINT",
            nargs="+",
            default=[],
            help="Only the models of these endpoints; all of them otherwise.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from asgi_project import work

        env: Environment = settings.WEIR
        if env.redis_url is None:
            raise CommandError("A worker is reached through Redis: set REDIS_URL.")
        if env.metrics_port is not None:
            refuse_taken(env.host, env.metrics_port)
        watched = sys.stdout.isatty()
        if not watched:
            _log_as_json()
        if not work.run(env, options["models"], self.stdout.write if watched else None):
            raise CommandError("Not everything in hand was finished in time.")


def _log_as_json() -> None:
    """Nobody reads along, so a machine does."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter())
