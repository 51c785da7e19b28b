from __future__ import annotations

from dataclasses import replace

import pytest

from bench import report
from bench.contenders import FASTAPI, NOTHING, OURS_OFF, OURS_STRICT, TUTORIAL
from bench.floors import floors
from bench.footprint import Footprint
from bench.load import Load
from bench.lone import Lone
from bench.measure import ALONE, ONE_ROW, ONE_SOCKET, ROWS_BLOCK, ROWS_JSON, Results
from bench.plan import FULL
from bench.table import number, table

RATES = {OURS_STRICT: 2000, OURS_OFF: 4000, NOTHING: 8000, TUTORIAL: 100, FASTAPI: 50}
GOOD = Results(
    {(name, 32): Load(rate, 1.0, 2.0) for name, rate in RATES.items()},
    {
        ONE_ROW: Load(18_000, 1.0, 2.0),
        ONE_SOCKET: Load(15_000, 1.0, 2.0),
        ROWS_JSON: Load(100_000, 1.0, 2.0),
        ROWS_BLOCK: Load(300_000, 1.0, 2.0),
        ALONE: Load(2_000, 0.6, 2.0),
    },
    {OURS_STRICT: Lone(1.5, 0.4, 0.1), OURS_OFF: Lone(0.6, 0.4, 0.1)},
    Footprint(300.0, 5.0),
)


def missed(results: Results) -> set[str]:
    return {floor.what for floor in floors(results) if not floor.met}


def test_a_floor_that_is_just_reached_is_met() -> None:
    assert missed(GOOD) == {"strict log / log off, at 32 connections"}


@pytest.mark.parametrize(
    ("worse", "what"),
    [
        (replace(GOOD, footprint=Footprint(301.0, 5.0)), "resident memory, two demo endpoints"),
        (replace(GOOD, footprint=Footprint(300.0, 5.1)), "start to first answer"),
        (
            replace(GOOD, lone={OURS_STRICT: Lone(1.6, 0.4, 0.1)}),
            "lone caller, added to empty request + model",
        ),
        (
            replace(GOOD, http={**GOOD.http, (TUTORIAL, 32): Load(101, 1.0, 2.0)}),
            f"{OURS_STRICT} / {TUTORIAL}, at 32 connections",
        ),
    ],
)
def test_a_floor_that_is_missed_is_named(worse: Results, what: str) -> None:
    assert what in missed(worse)


def test_the_page_shows_each_load_beside_the_others() -> None:
    page = report.page(GOOD, FULL, 300.0)

    (strict,) = [line for line in page.splitlines() if line.startswith("  Weir, strict log  32 ")]
    assert strict.split()[-4:] == ["20.0", "40.0", "0.50", "0.25"]
    assert "MISSED" in page


def test_the_numbers_can_be_kept() -> None:
    kept = report.as_json(GOOD)

    assert kept["http"][0]["name"] == OURS_STRICT
    assert kept["lone"][OURS_OFF] == {"predict_ms": 0.6, "empty_ms": 0.4, "model_ms": 0.1}


def test_a_table_aligns_words_left_and_numbers_right() -> None:
    assert table("T", ("a", "bbb"), [("xx", "1"), ("y", "22")]) == (
        "T\n\n  a   bbb\n  --  ---\n  xx    1\n  y    22\n"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.0, "0.00")],
)
def test_a_number_is_shown_by_the_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown
