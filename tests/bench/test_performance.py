from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import performance, plot
from bench.floors import beside_peers, crowded, overloaded, packed
from bench.load import Load
from bench.openloop import Overload
from bench.problem import BenchFailed
from bench.standings import Cell, Standing, Standings, Stream
from bench.streams import LONE, MANY

OFF, STRICT, THEIRS = Load(8000, 3.0, 9.0), Load(6000, 4.0, 11.0), Load(1000, 30.0, 90.0, errors=2)
CELLS = (
    Cell(1, 1, Load(100, 5.0, 9.0), Load(2000, 0.5, 1.0), STRICT, 20.0, 10.0),
    Cell(1, 32, THEIRS, OFF, STRICT, 8.0, 6.0),
    Cell(1, 128, THEIRS, OFF, STRICT, 8.0, 6.0),
    Cell(64, 8, THEIRS, OFF, None, 8.0),
)
PLAIN = Standing("MLServer, scikit-learn", "MLServer", "scikit-learn", 1, "forest", "1.7", 4, 300)
BY_HAND = Standing("FastAPI, ONNX", "FastAPI", "ONNX", 1, "forest", "0.1", 2, 90)
FOUND = Standings(
    "python -m bench peers",
    "2 CPUs",
    skipped={"boosting": "ADULT_CSV names no file"},
    streams=(
        Stream("Weir", MANY, Load(18_000, 1, 2)),
        Stream("Weir", LONE, Load(2000, 0.7, 1)),
        Stream("FastAPI, ONNX", MANY, None, "hung up"),
    ),
    standings=(
        replace(PLAIN, cells=CELLS, measured="2026-01-02"),
        replace(BY_HAND, cells=CELLS, measured="2026-01-03"),
        replace(PLAIN, rival="MLflow, scikit-learn", family="MLflow", failed="did not install"),
    ),
)
FRAME = "".join(
    f"Prose about {name}.\n<!-- measured: {name} -->\nold\n<!-- end: {name} -->\n"
    for name in ("run", "rest", "batches", "streams", "takes", "floors")
)


def test_the_document_keeps_its_prose_and_gets_new_tables(tmp_path: Path) -> None:
    document, picture = tmp_path / "performance.md", tmp_path / "performance.svg"
    document.write_text(FRAME, encoding="utf-8")

    performance.write(FOUND, document, picture)
    performance.write(FOUND, document, picture)

    text = document.read_text(encoding="utf-8")
    assert text.count("Prose about") == 6
    assert "old" not in text
    assert text.count("**Floors**") == 1
    assert "2026-01-02 to 2026-01-03, 2 CPUs" in text
    assert "Without boosting: ADULT_CSV names no file." in text


def test_a_document_without_markers_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(FRAME.replace("<!-- end: floors -->", ""), encoding="utf-8")

    with pytest.raises(BenchFailed, match="no markers for floors"):
        performance.write(FOUND, document, tmp_path / "performance.svg")

    assert "old" in document.read_text(encoding="utf-8")


def test_each_peer_has_its_row_and_the_failed_one_its_reason() -> None:
    page = performance.page(FOUND)

    (row,) = [
        line
        for line in page.splitlines()
        if line.startswith("  MLServer") and "90.0" in line and "6.00" in line
    ]
    assert row.split()[-1] == "6"  # two errors in each of three cells
    assert "MLflow, scikit-learn failed: did not install" in page
    assert "hung up" in page


def test_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    for sheet in performance.sheets(FOUND):
        assert {len(row) for row in sheet.rows} <= {len(sheet.head)}, sheet.title


def test_a_floor_is_held_against_the_best_peer_that_is_run_as_it_comes() -> None:
    met = {floor.what: floor.met for floor in beside_peers(FOUND)}

    assert met["forest, 32 connections: log off / MLServer, scikit-learn"]
    assert met["forest, 32 connections: log off / FastAPI, ONNX"]
    assert met[f"WebSocket, {MANY}"]
    assert not met[f"WebSocket, {LONE}: p50"]


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        (
            replace(CELLS[1], ratio_off=7.9),
            "forest, 32 connections: log off / MLServer, scikit-learn",
        ),
        (
            replace(CELLS[1], ratio_strict=5.9),
            "forest, 32 connections: strict / MLServer, scikit-learn",
        ),
        (replace(CELLS[1], off=Load(8000, 3, 31)), "forest, 32 connections: p99, at most its p50"),
        (
            replace(CELLS[0], off=Load(100, 5.1, 9)),
            "forest, one caller: p50, at most MLServer, scikit-learn's",
        ),
    ],
)
def test_a_floor_that_is_missed_is_named(cell: Cell, what: str) -> None:
    rest = tuple(each for each in CELLS if each.connections != cell.connections)
    worse = replace(FOUND, standings=(replace(PLAIN, cells=(cell, *rest)),))

    assert what in {floor.what for floor in beside_peers(worse) if not floor.met}


def test_nothing_measured_has_no_floors() -> None:
    assert beside_peers(Standings()) == []
    assert "never" in performance.page(Standings())


def test_the_picture_has_a_bar_for_each_and_ours_on_top() -> None:
    root = ET.fromstring(plot.svg(FOUND))  # noqa: S314  # our own

    words = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words[1:3] == ["Weir, log off", "8,000"]
    assert "MLServer, scikit-learn" in words


CALM = Overload(320, 320, 30, 50, 0, 0, 0, 0, 1)
FLOOD = Overload(1200, 390, 60, 100, 800, 1, 4.9, 0, 1)


def test_overload_is_judged_by_goodput_by_p99_and_by_refusals() -> None:
    assert all(floor.met for floor in overloaded(400, CALM, FLOOD))
    worse = replace(FLOOD, good=370, p99_ms=101, refusal_p99_ms=5.1, other=1)
    assert not any(floor.met for floor in overloaded(400, CALM, worse))


def test_a_server_that_refuses_nobody_does_not_refuse_quickly() -> None:
    silent = replace(FLOOD, refused=0, refusal_p99_ms=0.0)

    assert [floor.met for floor in overloaded(400, CALM, silent)] == [True, True, False, True]


def test_a_crowd_may_cost_or_bring_five_in_a_hundred() -> None:
    shares = {"a": 0.96, "b": 1.04, "c": 0.94, "d": 1.06}

    assert [floor.met for floor in crowded(shares)] == [True, True, False, False]


def test_a_packed_request_may_take_half_as_long_again() -> None:
    assert packed(1.5).met
    assert not packed(1.51).met
