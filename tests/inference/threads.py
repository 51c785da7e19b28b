"""Threads with a database connection of their own each, as workers have one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection

PATIENCE = 40.0  # seconds; whoever is not done by then waits for somebody who waits for him


def _be_patient() -> None:
    """SQLite's lock is not fair: on a busy machine one of four may wait for all of the others."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Run all of them, beginning together; returns what they raised."""
    failed: list[BaseException] = []
    begin = threading.Barrier(len(works))

    def guarded(work: Callable[[], object]) -> None:
        try:
            _be_patient()
            begin.wait(PATIENCE)
            work()
        except BaseException as error:  # noqa: BLE001  # told to the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    failed.extend(TimeoutError(thread.name) for thread in threads if thread.is_alive())
    return failed
