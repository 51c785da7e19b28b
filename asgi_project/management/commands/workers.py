"""`manage.py workers`: who computes now, as the web processes see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from asgi_project import engines
from asgi_project.env import Environment
from inference.core import presence
from inference.core.presence import Beat
from inference.engine.link import Away, Link, Refused
from inference.operations import worker

BETWEEN: Final = 1.5  # seconds between two looks: whoever lives has beaten meanwhile
_COLUMNS: Final = (
    ("worker", "name"),
    ("models", "models"),
    ("rows/s", "rate"),
    ("waiting", "queue_rows"),
    ("MB", "rss_mb"),
    ("given up", "given_up"),
)


class Command(BaseCommand):
    """Looks twice, because a worker that was killed leaves its last heartbeat behind."""

    help = "List the workers that are alive."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="A JSON list instead of a table.")

    def handle(self, *args: Any, **options: Any) -> None:
        env: Environment = settings.WEIR
        if env.redis_url is None:
            raise CommandError(
                "Without REDIS_URL one process does everything; there are no workers."
            )
        try:
            alive = [worker(*each) for each in sorted(asyncio.run(_alive(env)).items())]
        except (Away, Refused) as error:
            raise CommandError(f"Redis cannot be reached: {error}") from error
        self.stdout.write(json.dumps(alive) if options["json"] else "\n".join(_table(alive)))


async def _alive(env: Environment) -> dict[str, Beat]:
    link = engines.link(env, engines.COMMAND_SECONDS)
    key = engines.keys(env).workers
    try:
        before = await _beats(link, key)
        await asyncio.sleep(BETWEEN)
        after = await _beats(link, key)
    finally:
        await link.close()
    return {name: beat for name, beat in after.items() if _moved(before.get(name), beat)}


async def _beats(link: Link, key: str) -> dict[str, Beat]:
    found = await link.call("HGETALL", key)
    return presence.readable({name.decode(): data for name, data in found.items()})


def _moved(before: Beat | None, after: Beat) -> bool:
    return not after.gone and (before is None or after.number != before.number)


def _table(workers: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    lines = [[_shown(each[name]) for _, name in _COLUMNS] + [_state(each)] for each in workers]
    if not lines:
        return ["No worker is alive."]
    rows = [[title for title, _ in _COLUMNS] + ["state"], *lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _shown(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _state(each: Mapping[str, Any]) -> str:
    if each["draining"]:
        return "leaving"
    if not each["healthy"]:
        return "ill"
    return f"{len(each['failures'])} not loaded" if each["failures"] else "well"
