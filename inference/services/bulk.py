"""How the rows of a batch get into the prediction log with as little Python as possible.

The writer runs in a thread beside a busy event loop. Each time SQLite works it lets go of the
interpreter and must queue up for it again, so what counts is the number of statements, not their
size: `executemany` is one per row, a single INSERT of many rows is one for all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import Final

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction

from inference.core.types import PredictionRow
from inference.models import MLRequest


class _Moments:
    """Moments as Django's SQLite backend writes them.

    All but the microseconds is kept from one row to the next: formatting it anew would cost more
    than everything else that is done to a row in Python.
    """

    def __init__(self) -> None:
        self._second = datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), ""

    def text(self, moment: datetime) -> str:
        start, end, text = self._second
        if not start <= moment < end:
            start = moment.astimezone(UTC).replace(microsecond=0)
            text = f"{start:%Y-%m-%d %H:%M:%S}."
            self._second = start, start + timedelta(seconds=1), text
        return text + "%06d" % moment.microsecond  # noqa: UP031  # half the time of an f-string


_moments: Final = _Moments()


Write = Callable[[Sequence[PredictionRow]], None]

_COLUMNS: Final = (
    "id, parent_mlalgorithm_id, arm_id, input_data, full_response, response, error_code, subject,"
    " created_at, latency_us, feedback"
)
_WIDTH: Final = len(PredictionRow._fields)
_CREATED_AT: Final = PredictionRow._fields.index("created_at")
# Every length up to STEP has its statement, above it every multiple up to LARGEST: few enough to
# stay in the driver's cache of 128, and hardly a batch needs more than two of them.
_STEP: Final = 32
_LARGEST: Final = 256


@cache
def direct() -> bool:
    """Whether this database takes the statements below; the others get Django's."""
    return connection.vendor == "sqlite"


def one_statement(count: int) -> bool:
    """Whether so many rows are written, or not written, by a single statement."""
    return direct() and next(_sizes(count), 0) == count


def insert(rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    """Write the rows whose ids are not there yet, and return those."""
    write = _write_direct if direct() else _write_portable
    new: list[PredictionRow] = []
    start = 0
    for size in _sizes(len(rows)):
        chunk = rows[start : start + size]
        new.extend(_unless_there(chunk, write))
        start += size
    return new


def _unless_there(chunk: Sequence[PredictionRow], write: Write) -> Sequence[PredictionRow]:
    try:
        write(chunk)
    except IntegrityError:
        return [row for row in chunk if _written(row, write)]
    return chunk


def _written(row: PredictionRow, write: Write) -> bool:
    """Whether this call wrote it; False if it was there: delivered twice, it counts once."""
    try:
        write([row])
    except IntegrityError:
        if MLRequest.objects.filter(pk=row.id).exists():
            return False
        raise
    return True


def _sizes(count: int) -> Iterator[int]:
    while count > 0:
        size = count if count <= _STEP else min(count - count % _STEP, _LARGEST)
        yield size
        count -= size


def _write_direct(rows: Sequence[PredictionRow]) -> None:
    """A statement that fails leaves nothing behind and the transaction as it was."""
    values: list[object] = list(chain.from_iterable(rows))
    values[_CREATED_AT::_WIDTH] = [_moments.text(row.created_at) for row in rows]
    execute(_insert_sql(len(rows)), values)


def execute(sql: str, values: Sequence[object]) -> sqlite3.Cursor:
    """Past Django's cursor, which would rewrite the placeholders of the whole text every time."""
    database = connections[DEFAULT_DB_ALIAS]  # `connection` looks this up for each attribute
    database.ensure_connection()
    with database.wrap_database_errors:
        cursor: sqlite3.Cursor = database.connection.execute(sql, values)
    return cursor


@lru_cache(maxsize=128)
def _insert_sql(count: int) -> str:
    rows = ", ".join([f"({'?, ' * _WIDTH}'')"] * count)
    return f"INSERT INTO inference_mlrequest ({_COLUMNS}) VALUES {rows}"  # noqa: S608  # our own text


def _write_portable(rows: Sequence[PredictionRow]) -> None:
    with transaction.atomic():
        MLRequest.objects.bulk_create(map(_request, rows))


def _request(row: PredictionRow) -> MLRequest:
    values = row._asdict()
    return MLRequest(parent_mlalgorithm_id=values.pop("algorithm_id"), feedback="", **values)
