"""A chain shows what was changed, dropped or put in, whatever a database makes of numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.core.audit import START, Entry, fault, plain


def entry(number: int, previous: str, **other: Any) -> Entry:
    given: dict[str, Any] = {
        "made_at": "2026-01-02T03:04:05.678901+00:00",
        "made_by": "ann",
        "what": "transition",
        "endpoint": "income",
        "algorithm": 7,
        "abtest": None,
        "before": "testing",
        "after": "production",
        "why": "better",
        "evidence": {"accuracy": 0.9},
    }
    return Entry(id=number, previous=previous, **{**given, **other})


def chain(length: int) -> list[tuple[Entry, str]]:
    rows: list[tuple[Entry, str]] = []
    for number in range(1, length + 1):
        one = entry(number, rows[-1][1] if rows else START, why=f"reason {number}")
        rows.append((one, one.hash))
    return rows


def test_a_chain_that_nobody_touched_is_whole() -> None:
    assert fault(chain(5)) is None
    assert fault([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"made_by": "eve"},
        {"after": "retired"},
        {"evidence": {"accuracy": 0.91}},
        {"made_at": "2026-01-02T03:04:05.678902+00:00"},
        {"abtest": 3},
    ],
)
def test_a_row_that_was_changed_is_named(change: dict[str, Any]) -> None:
    rows = chain(5)
    rows[2] = (replace(rows[2][0], **change), rows[2][1])

    found = fault(rows)

    assert found is not None
    assert found.id == 3
    assert "is not what its hash says" in found.reason


def test_whoever_mends_the_hash_breaks_the_next_row() -> None:
    rows = chain(5)
    forged = replace(rows[2][0], made_by="eve")
    rows[2] = (forged, forged.hash)

    found = fault(rows)

    assert found is not None
    assert (found.id, "does not name the hash" in found.reason) == (4, True)


def test_a_row_that_was_dropped_is_missed() -> None:
    rows = chain(5)
    del rows[1]

    assert fault(rows) == (2, "row 2 is missing; row 3 follows")


def test_a_chain_that_begins_late_is_not_whole() -> None:
    found = fault(chain(3)[1:])

    assert found is not None
    assert found.id == 1


def test_the_hash_does_not_depend_on_how_a_database_keeps_numbers_and_names() -> None:
    written = entry(1, START, evidence={"b": 1e20, "a": [1.0, -0.0, 0.1, 1e-7], 3: "é"})
    read = entry(1, START, evidence={"3": "é", "a": [1, 0, 0.1, 0.0000001], "b": 10**20})

    assert written.hash == read.hash


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        plain({"a": float("nan")})
