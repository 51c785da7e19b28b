"""`python -m bench log`: how many rows a second one writer gets into the log of any database.

The database is the one that DATABASE_URL names, or SQLite; what is measured is written into a
database of its own beside it, as the tests have one, and is gone afterwards. Where Weir has
statements of its own for it, those that Django makes are measured beside them.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Final
from unittest import mock

from bench.table import number, table
from inference.core.types import PredictionRow

if TYPE_CHECKING:  # it needs Django's settings, which `run` makes
    from inference.services.dialects.base import Dialect

HEAD: Final = (
    "rows at once",
    *("no test", "two arms", "new subjects", "known subjects"),
    *("by Django", "two arms", "new subjects", "known subjects"),
)
SIZES: Final = (1, 32, 64, 256, 1024)
ROUNDS: Final = 5
ROUND_SECONDS: Final = 0.5
KNOWN: Final = 1000  # subjects who come back
Shares = Sequence[tuple[int, int | None]]  # algorithms with their arms, which take turns
Naming = Callable[[int], str]  # the subject of a row, by its id
Kind = tuple[Shares, Naming]
_INPUT: Final = "{" + ", ".join(f'"feature_{at}": {at}.25' for at in range(30)) + "}"
_ANSWER: Final = '{"probability": 0.75, "label": "yes", "status": "OK"}'
_AT: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: Namespace, folder: Path) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "asgi_project.settings"
    os.environ |= {"WEIR_PROFILE": "open", "WEIR_DATA_DIR": str(folder)}
    import django

    django.setup()
    with _database(folder) as name:
        lines = _measured()
        print(table(f"rows/s into {name}", HEAD[: len(lines[0])], lines))
    return 0


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    """A migrated one without rows."""
    from django.db import connection

    if connection.vendor == "sqlite":  # a file, as in production
        connection.settings_dict["TEST"]["NAME"] = str(folder / "log.sqlite3")
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield connection.display_name
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _measured() -> list[Sequence[str]]:
    """The columns take turns, so that a noisy moment falls on all of them."""
    from inference.services import dialects
    from inference.services.dialects import portable

    algorithm, arms = _registered()
    kinds: list[Kind] = [
        ([(algorithm, None)], _nobody),
        (arms, _nobody),
        (arms, "subject-{:08}".format),
        (arms, lambda id_: f"known-{id_ % KNOWN:08}"),
    ]
    ways = dict.fromkeys((dialects.current(), portable))
    columns = [(dialect, each) for dialect in ways for each in kinds]
    ids = count(1)
    return [(str(size), *_line(size, columns, ids)) for size in SIZES]


def _nobody(id_: int) -> str:
    return ""


def _line(size: int, columns: Sequence[tuple[Dialect, Kind]], ids: Iterator[int]) -> list[str]:
    from inference.services import dialects

    rates: list[list[float]] = [[] for _ in columns]
    for _ in range(ROUNDS):
        for found, (dialect, kind) in zip(rates, columns, strict=True):
            with mock.patch.object(dialects, "current", lambda dialect=dialect: dialect):
                found.append(_rate(size, kind, ids))
    return [number(median(found)) for found in rates]


def _registered() -> tuple[int, Shares]:
    """An algorithm without a test, and two (with their arms) that share an endpoint in one."""
    from inference.services import experiments, models

    alone, *pair = [
        models.algorithm_register(
            models.NewAlgorithm(
                endpoint=endpoint,
                name=name,
                version="1",
                artefact_hash=name,
                owner="bench",
                bundle="none",
                runtime="none",
                schema={"target": {"name": "y", "task": "binary"}},
            ),
            by="bench",
        )[0]
        for endpoint, name in [("alone", "a"), ("shared", "b"), ("shared", "c")]
    ]
    test = experiments.start("log", "bench", [(algorithm, 1) for algorithm in pair])
    return alone.pk, [(arm.algorithm_id, arm.pk) for arm in test.arms.all()]


def _rate(size: int, kind: Kind, ids: Iterator[int]) -> float:
    from inference.services import predictions

    shares, subject = kind
    began, written = perf_counter(), 0
    while perf_counter() - began < ROUND_SECONDS:
        those = zip(range(size), ids)  # noqa: B905  # there are always further ids
        batch = [_row(id_, subject(id_), *shares[at % len(shares)]) for at, id_ in those]
        written += predictions.record(batch, "bench")
    return written / (perf_counter() - began)


def _row(id_: int, subject: str, algorithm: int, arm: int | None) -> PredictionRow:
    return PredictionRow(id_, algorithm, arm, _INPUT, _ANSWER, "yes", "", subject, _AT, 1500)
