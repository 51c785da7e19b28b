"""Each row of the checklist is shown by tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CHECKLIST: Final = ROOT / "docs" / "checklist.md"
WANTED: Final = {
    "L": 5,
    "P": 6,
    "M": 6,
    "C": 6,
    "W": 6,
    "D": 6,
    "K": 5,
    "H": 4,
    "SA4": 4,
    "SA6": 2,
}


def rows(text: str) -> dict[str, list[str]]:
    """By the name of each row the tests that it names."""
    found = re.findall(r"^\| ([A-Z]+\d?\.\d+) \| .+? \| (.*) \|$", text, re.MULTILINE)
    return {name: re.findall(r"`([^`]+)`", shown) for name, shown in found}


@cache
def named_in(path: Path) -> frozenset[str]:
    """What the file tests, by the names of its functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def missing(named: str) -> bool:
    path, _, name = named.partition("::")
    return not (ROOT / path).is_file() or name not in named_in(ROOT / path)


def test_every_row_is_there_once() -> None:
    text = CHECKLIST.read_text(encoding="utf-8")
    wanted = {f"{part}.{at}" for part, count in WANTED.items() for at in range(1, count + 1)}

    assert set(rows(text)) == wanted
    assert len(re.findall(r"^\| [A-Z]+\d?\.\d+ \|", text, re.MULTILINE)) == len(wanted)


def test_every_row_is_shown_by_tests_that_are_there() -> None:
    found = rows(CHECKLIST.read_text(encoding="utf-8"))

    assert [name for name, tests in found.items() if not tests] == []
    assert [test for tests in found.values() for test in tests if missing(test)] == []


def test_a_test_that_is_not_there_is_missed() -> None:
    assert missing("tests/test_checklist.py::test_of_something_else")
    assert missing("tests/test_nothing.py::test_every_row_is_there_once")
    assert not missing("tests/test_checklist.py::test_every_row_is_there_once")
