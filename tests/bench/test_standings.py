from __future__ import annotations

from pathlib import Path

import pytest

from bench import standings
from bench.load import Load
from bench.problem import BenchFailed
from bench.standings import Board, Cell, Standing, Standings, Stream, times

FAST = Load(4000.0, 1.0, 2.0)
SLOW = Load(500.0, 8.0, 20.0)
CELL = Cell(1, 32, SLOW, FAST, FAST, 8.0, 8.0)


def standing(rival: str = "Peer", job: str = "forest", failed: str = "") -> Standing:
    return Standing(rival, rival, "scikit-learn", 1, job, cells=(CELL,), failed=failed)


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "measured.json"
    board = Board(path, Standings(command="python -m bench peers"))

    board.add(standing())
    board.add(Stream("Weir", "one socket", SLOW))

    assert standings.read(path) == board.found
    assert board.found.command == "python -m bench peers"


def test_nothing_kept_is_nothing_known(tmp_path: Path) -> None:
    assert standings.read(tmp_path / "measured.json") == Standings()


def test_results_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text('{"standings": [{"rival": 3}]}', encoding="utf-8")

    with pytest.raises(BenchFailed, match="no results of this version"):
        standings.read(path)


def test_a_second_measurement_replaces_the_first_in_its_place() -> None:
    found = Standings().with_standing(standing("A", failed="did not start"))
    found = found.with_standing(standing("B")).with_standing(standing("A", "linear"))

    found = found.with_standing(standing("A"))

    assert [(each.rival, each.job) for each in found.standings] == [
        ("A", "forest"),
        ("B", "forest"),
        ("A", "linear"),
    ]
    assert found.has("A", "forest")


def test_what_failed_is_still_to_be_measured() -> None:
    found = Standings().with_standing(standing(failed="did not start"))

    assert not found.has("Peer", "forest")
    assert not found.has("Peer", "linear")


def test_times_are_the_median_of_the_turns() -> None:
    ours = [Load(rate, 1.0, 1.0) for rate in (100.0, 900.0, 300.0)]
    theirs = [Load(rate, 1.0, 1.0) for rate in (100.0, 100.0, 100.0)]

    assert times(ours, theirs) == 3.0
    assert times([], theirs) == 0.0
