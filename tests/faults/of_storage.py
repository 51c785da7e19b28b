"""Faults of the database."""

from __future__ import annotations

from typing import Final

from tests.faults.cluster import until
from tests.faults.nemesis import Scene, fault

_BACK_SECONDS: Final = 10.0
_TERMINATE: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@fault("F20", "PostgreSQL crashes and comes back; then ends all connections", distributed=False)
def database_gone(scene: Scene) -> None:
    postgres = scene.cluster.postgres
    postgres.crash()
    scene.lasts(5.0, 60.0)
    postgres.start()
    scene.healed()
    until(lambda: bool(scene.cluster.query(_TERMINATE)[0][0]), _BACK_SECONDS, "somebody connects")
