"""What PostgreSQL is told: one constant text for a batch of any size, its columns as arrays.

The values travel in binary: measured, that doubles to triples the rows a second. The statements
are not prepared on the server: nothing was gained by it, and poolers in between would mind.

A large batch goes by COPY, straight into the log. COPY cannot pass over a row that is there, it
undoes all; then, which is rare, the statement follows that can. (By way of a table in between it
could always pass over them, but up to a thousand rows that is no faster than the statement.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from operator import attrgetter
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction

from inference.core.types import PredictionRow
from inference.services.dialects.base import First, Gain, Kept, New

# Whoever finds an id that somebody is just writing waits for him. By rising ids nobody can wait
# for one who waits himself for something that he holds.
_LOG: Final = b"""inference_mlrequest (
    id, parent_mlalgorithm_id, arm_id, input_data, full_response, response, error_code, subject,
    created_at, latency_us, feedback
)"""
_INSERT: Final = (
    b"INSERT INTO "
    + _LOG
    + b"""
SELECT *, '' FROM unnest(
    %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::timestamptz[], %b::bigint[]
) AS batch (id)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
"""
)
_COPY: Final = b"COPY " + _LOG + b" FROM STDIN (FORMAT BINARY)"
_TYPES: Final = (*["bigint"] * 3, *["text"] * 5, "timestamptz", "bigint", "text")
# So many rows make up for the one turn more that a COPY waits for the server.
_MANY: Final = 64
_KEPT: Final = b"""
SELECT arm.id, arm.abtest_id, arm.phase, arm.propensity, test.salt, tally.latency,
    CASE test.mode WHEN 'canary' THEN test.guardrails::text END,
    CASE test.mode WHEN 'canary' THEN coalesce(tally.answers::text, '{}') END
FROM inference_arm arm JOIN inference_abtest test ON test.id = arm.abtest_id
LEFT JOIN inference_armtally tally ON tally.arm_id = arm.id AND tally.shard = %b
WHERE arm.id = ANY(%b::bigint[])
ORDER BY arm.id
"""
_EXPOSE: Final = b"""
INSERT INTO inference_exposure (abtest_id, phase, subject, arm_id, bucket, propensity, first)
SELECT * FROM unnest(
    %b::bigint[], %b::integer[], %b::bigint[], %b::bigint[], %b::smallint[], %b::float8[],
    %b::bigint[]
) AS first (abtest_id, phase, subject)
ORDER BY abtest_id, phase, subject
ON CONFLICT DO NOTHING
RETURNING arm_id, first
"""
_ADD: Final = b"""
INSERT INTO inference_armtally AS tally (
    arm_id, exposures, errors, subjects, latency, slow, failing, lagging, answers,
    shard, labelled, correct, absolute_error, squared_error
)
SELECT arm_id, exposures, errors, subjects, latency, slow, failing, lagging, answers::jsonb,
    %b, 0, 0, 0, 0
FROM unnest(
    %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bytea[], %b::bigint[],
    %b::bigint[], %b::bigint[], %b::text[]
) AS gain (
    arm_id, exposures, errors, subjects, latency, slow, failing, lagging, answers
)
ORDER BY arm_id
ON CONFLICT (arm_id, shard) DO UPDATE SET
    exposures = tally.exposures + excluded.exposures,
    errors = tally.errors + excluded.errors,
    subjects = tally.subjects + excluded.subjects,
    latency = excluded.latency,
    slow = tally.slow + excluded.slow,
    failing = tally.failing + excluded.failing,
    lagging = tally.lagging + excluded.lagging,
    answers = excluded.answers
"""
_id: Final = attrgetter("id")


def in_one(count: int) -> bool:
    """A statement is a transaction, whatever its size."""
    return True


def insert(rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    """What comes back is what was new."""
    if len(rows) >= _MANY and _copied(rows):
        return rows
    new = {id_ for (id_,) in _execute(_INSERT, _columns(rows)).fetchall()}
    if len(new) == len(rows):
        return rows
    return list({row.id: row for row in rows if row.id in new}.values())


def _copied(rows: Sequence[PredictionRow]) -> bool:
    """Whether it could be done: all of them were new. Else nothing was written."""
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    # What fails must not take the transaction with it; alone it is one.
    guard = transaction.atomic() if database.in_atomic_block else nullcontext()
    try:
        with guard, database.wrap_database_errors:
            _copy(psycopg.Cursor(database.connection), sorted(rows, key=_id))
    except IntegrityError:
        return False
    return True


def _copy(cursor: psycopg.Cursor, rows: Sequence[PredictionRow]) -> None:
    with cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row((*row, ""))


def kept(arms: Collection[int], shard: str) -> Sequence[Kept]:
    """Nobody else writes this shard, so nothing has to be locked before it is added to."""
    return [Kept(*values) for values in _execute(_KEPT, [shard, list(arms)]).fetchall()]


def expose(firsts: Sequence[First]) -> Sequence[New]:
    """What comes back is what was new."""
    return [New(*values) for values in _execute(_EXPOSE, _columns(firsts)).fetchall()]


def add(gains: Sequence[Gain], shard: str) -> None:
    """An upsert, so that the first batch of an arm is nothing special."""
    _execute(_ADD, [shard, *_columns(gains)])


def beaten(error: DatabaseError) -> bool:
    """Rows by rising ids, then a shard of one's own: nobody waits in a circle."""
    return False


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _execute(sql: bytes, values: Sequence[object]) -> psycopg.Cursor:
    """Past Django's cursor, which would write the values into the text, and past its adapters."""
    database = connections[DEFAULT_DB_ALIAS]  # `connection` looks this up for each attribute
    database.ensure_connection()
    with database.wrap_database_errors:
        return psycopg.Cursor(database.connection).execute(sql, values)
