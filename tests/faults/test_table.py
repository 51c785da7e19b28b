"""The table adds up runs, and shows what was broken."""

from __future__ import annotations

from tests.faults import table
from tests.faults.checker import Report
from tests.faults.table import Line


def report(recovery: float | None, **broken: list[str]) -> Report:
    return Report(10, 8, 2, recovery, {name.replace("_", " "): who for name, who in broken.items()})


def test_runs_add_up_and_the_slowest_recovery_stands() -> None:
    line = Line("F1", "a worker is killed")
    line.add(report(1.25))
    line.add(report(0.5))
    assert line.kept
    assert line.cells == ["F1", "2", "20", "16", *["0"] * 11, "1.2 s"]


def test_each_broken_promise_has_a_column() -> None:
    line = Line("F1", "a worker is killed")
    line.add(report(None, crossed=["7", "8"]))
    assert not line.kept
    assert line.cells == ["F1", "1", "10", "8", "0", "0", "2", *["0"] * 8, "0.0 s"]


def test_a_run_that_could_not_be_judged_has_failed() -> None:
    line = Line("F1", "a worker is killed")
    line.add(AssertionError("it did not die"))
    assert not line.kept
    assert line.cells[-2] == "1"


def test_the_table_is_markdown() -> None:
    head, rule, only = table.written([Line("F9", "Redis is killed")]).splitlines()
    assert head.startswith("| fault | runs | sent | answered | lost | twice | crossed |")
    assert rule.count("---") == head.count(" | ") + 1
    assert only.startswith("| F9 | 0 |")
