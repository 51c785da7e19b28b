"""What the database server knows of our connections, and how it ends them; SQLite has no server."""

from __future__ import annotations

import time
from typing import Final

import pytest
from django.db import connection

PATIENCE: Final = 20.0

_WAITING: Final = {
    "postgresql": (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ),
    "mysql": (
        "SELECT count(*) FROM information_schema.innodb_trx AS trx"
        " JOIN information_schema.processlist AS session ON session.id = trx.trx_mysql_thread_id"
        " WHERE session.db = database() AND trx.trx_state = 'LOCK WAIT'"
    ),
}
_OTHERS: Final = {
    "postgresql": (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ),
    "mysql": (
        "SELECT id FROM information_schema.processlist"
        " WHERE db = database() AND id <> connection_id()"
    ),
}
_END: Final = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}


@pytest.fixture
def server() -> None:
    """For tests of what only a server does."""
    if connection.vendor not in _OTHERS:
        pytest.skip(f"{connection.display_name} has no server that could go away")


def until_waiting(count: int) -> None:
    """Polls: only the server knows who waits for a lock."""
    deadline = time.monotonic() + PATIENCE
    while _numbers(_WAITING[connection.vendor]) != [count]:
        if time.monotonic() > deadline:
            raise AssertionError(f"there were never {count} who waited")
        time.sleep(0.2)  # MariaDB tells the same again to whoever asks sooner than after 0.1


def end_others() -> int:
    """End every connection to this database but the one that is used here; returns how many."""
    others = _numbers(_OTHERS[connection.vendor])
    with connection.cursor() as cursor:
        for each in others:
            cursor.execute(_END[connection.vendor], [each])
    return len(others)


def _numbers(sql: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [number for (number,) in cursor.fetchall()]
