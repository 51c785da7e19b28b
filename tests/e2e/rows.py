"""What the log of a server says, read behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any


def query(data: Path, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
    """Rows of the server's database, as committed now."""
    with closing(sqlite3.connect(data / "weir.sqlite3", timeout=10)) as database:
        return database.execute(sql, values).fetchall()


def logged(data: Path, ids: Sequence[int]) -> set[int]:
    """Which of these requests have a row."""
    if not ids:
        return set()
    sql = "select id from inference_mlrequest where id between ? and ?"
    return {row[0] for row in query(data, sql, min(ids), max(ids))} & set(ids)
