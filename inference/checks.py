"""What would go wrong only later, found before the first request: system checks for Weir."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from inference.runtimes import confinement


@register
def one_web_process(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without Redis a batch is formed inside one process, and so is the live tally."""
    if settings.WEIR.web_concurrency == 1 or settings.WEIR.redis_url is not None:
        return []
    return [
        checks.Error(
            "More than one web process was asked for, but one process holds models and batches.",
            hint="Leave WEB_CONCURRENCY at 1, or set REDIS_URL and start a worker.",
            id="weir.E001",
        )
    ]


@register(Tags.security, deploy=True)
def no_open_door_in_production(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """The open profile is for one's own machine."""
    if not settings.WEIR.is_open:
        return []
    return [
        checks.Warning(
            "The open profile lets everybody in without a key.",
            hint="Set WEIR_PROFILE=production.",
            id="weir.W001",
        )
    ]


@register(Tags.database, deploy=True)
def one_machine_with_sqlite(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Redis invites processes on other machines, which cannot reach a file on this one."""
    if settings.WEIR.redis_url is None or not settings.WEIR.database_url.startswith("sqlite"):
        return []
    return [
        checks.Warning(
            "REDIS_URL is set but the database is a file on this machine.",
            hint="Set DATABASE_URL to a PostgreSQL database, unless every process runs here.",
            id="weir.W002",
        )
    ]


@register(Tags.database)
def texts_are_compared_exactly(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """MariaDB finds `a` and `A` equal unless it is told otherwise when the database is made."""
    asked = [connections[alias] for alias in databases or ()]
    return [
        checks.Warning(
            "The database takes some texts that differ for the same, labels among them.",
            hint="CREATE DATABASE ... CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            id="weir.W003",
        )
        for connection in asked
        if connection.vendor == "mysql" and not _collation(connection).endswith("_nopad_bin")
    ]


def _collation(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@collation_database")
        (name,) = cursor.fetchone()
    return str(name)


@register(Tags.security, deploy=True)
def strangers_are_confined(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """What is uploaded is somebody else's: it must not be able to do more than compute."""
    missing = confinement.missing() if settings.WEIR.uploads else ()
    if not missing:
        return []
    return [
        checks.Warning(
            f"Models come over HTTP, and here their processes keep the power {', '.join(missing)}.",
            hint="Set WEIR_UPLOADS=false, or serve on Linux 5.13 or later with x86-64.",
            id="weir.W004",
        )
    ]
