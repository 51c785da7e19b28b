"""What SQLite is told, with as little Python as possible.

The writer runs in a thread beside a busy event loop. Each time SQLite works it lets go of the
interpreter and must queue up for it again, so what counts is the number of statements, not their
size: `executemany` is one per row, a single INSERT of many rows is one for all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections

from inference.core.types import PredictionRow
from inference.models import MLRequest
from inference.services.dialects.base import First, Gain, Kept, New


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


_KEPT: Final = (
    "SELECT arm.id, arm.abtest_id, arm.phase, arm.propensity, test.salt, tally.latency,"
    " CASE test.mode WHEN 'canary' THEN test.guardrails END,"
    " CASE test.mode WHEN 'canary' THEN coalesce(tally.answers, '{{}}') END"
    " FROM inference_arm arm JOIN inference_abtest test ON test.id = arm.abtest_id"
    " LEFT JOIN inference_armtally tally ON tally.arm_id = arm.id AND tally.shard = ?"
    " WHERE arm.id IN ({marks}) ORDER BY arm.id"
)
_EXPOSE: Final = (
    "INSERT INTO inference_exposure (abtest_id, phase, subject, arm_id, bucket, propensity, first)"
    " VALUES {rows} ON CONFLICT DO NOTHING RETURNING arm_id, first"
)
_ADD: Final = (
    "INSERT INTO inference_armtally (arm_id, shard, exposures, errors, subjects, latency,"
    " slow, failing, lagging, answers, labelled, correct, absolute_error, squared_error)"
    " VALUES {rows}"
    " ON CONFLICT (arm_id, shard) DO UPDATE SET exposures = exposures + excluded.exposures,"
    " errors = errors + excluded.errors, subjects = subjects + excluded.subjects,"
    " latency = excluded.latency, slow = slow + excluded.slow,"
    " failing = failing + excluded.failing, lagging = lagging + excluded.lagging,"
    " answers = excluded.answers"
)


def in_one(count: int) -> bool:
    """Some lengths take two statements, and half of a batch must not be left behind."""
    return next(_sizes(count), 0) == count


def insert(rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    """There is one writer at a time, so nobody can come between two statements."""
    new: list[PredictionRow] = []
    start = 0
    for size in _sizes(len(rows)):
        new.extend(_unless_there(rows[start : start + size]))
        start += size
    return new


def _unless_there(chunk: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    try:
        _write(chunk)
    except IntegrityError:
        return [row for row in chunk if _written(row)]
    return chunk


def _written(row: PredictionRow) -> bool:
    """Whether this call wrote it; False if it was there: delivered twice, it counts once."""
    try:
        _write([row])
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


def _write(rows: Sequence[PredictionRow]) -> None:
    """A statement that fails leaves nothing behind and the transaction as it was."""
    values: list[object] = list(chain.from_iterable(rows))
    values[_CREATED_AT::_WIDTH] = [_moments.text(row.created_at) for row in rows]
    _execute(_insert_sql(len(rows)), values)


def kept(arms: Collection[int], shard: str) -> Sequence[Kept]:
    marks = ", ".join("?" * len(arms))
    return [Kept(*values) for values in _execute(_KEPT.format(marks=marks), [shard, *arms])]


def expose(firsts: Sequence[First]) -> Sequence[New]:
    new: list[New] = []
    for start in range(0, len(firsts), _LARGEST):
        chunk = firsts[start : start + _LARGEST]
        rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(chunk))
        found = _execute(_EXPOSE.format(rows=rows), [*chain.from_iterable(chunk)]).fetchall()
        new.extend(New(*values) for values in found)
    return new


def add(gains: Sequence[Gain], shard: str) -> None:
    """An upsert, so that the first batch of an arm is nothing special."""
    values: list[object] = []
    for gain in gains:
        values += (gain.arm_id, shard, *gain[1:])
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)"] * len(gains))
    _execute(_ADD.format(rows=rows), values)


def beaten(error: DatabaseError) -> bool:
    """Whoever may write has nobody left to wait for."""
    return False


def _execute(sql: str, values: Sequence[object]) -> sqlite3.Cursor:
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
