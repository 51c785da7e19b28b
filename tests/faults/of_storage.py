"""Faults of the database."""

from __future__ import annotations

from typing import Final

from tests.faults.nemesis import Scene, fault

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
    scene.lasts(1.0, 5.0)
    ((ended,),) = scene.cluster.query(_TERMINATE)
    assert ended, "nobody was connected"
