"""The debt register says of each debt what it costs and how it will be paid."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import pytest

REGISTER: Final = Path(__file__).parent.parent / "docs" / "debt.md"
TYPES: Final = {
    "requirements",
    "architecture",
    "design",
    "code",
    "test",
    "build",
    "documentation",
    "infrastructure",
    "versioning",
    "defect",
}
REPAYMENTS: Final = {
    "refactoring",
    "rewriting",
    "automation",
    "re-engineering",
    "repackaging",
    "bug fixing",
    "documentation",
}
FEWEST_WORDS: Final = 4


class Debt(NamedTuple):
    what: str
    kind: str
    interest: str
    repayment: str
    since: str


def debts(text: str) -> list[Debt]:
    """The rows of the table, without its head."""
    rows = [line.strip("| \n").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [Debt(*row) for row in rows[2:]]


def faults(debt: Debt) -> list[str]:
    """What is missing in a row, or is no such thing."""
    found = []
    if debt.kind not in TYPES:
        found.append(f"{debt.kind!r} is no type of debt")
    if debt.repayment not in REPAYMENTS:
        found.append(f"{debt.repayment!r} pays nothing")
    if min(len(debt.what.split()), len(debt.interest.split())) < FEWEST_WORDS:
        found.append("it is not said what it is, or what it costs")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", debt.since) or date.fromisoformat(debt.since) < date(
        2026, 1, 1
    ):
        found.append(f"{debt.since!r} is no day of this project")
    return found


def test_each_debt_has_a_type_an_interest_a_repayment_and_a_day() -> None:
    found = {debt.what: faults(debt) for debt in debts(REGISTER.read_text(encoding="utf-8"))}

    assert found
    assert {what: said for what, said in found.items() if said} == {}


@pytest.mark.parametrize(
    "row",
    [
        "| What is owed here | taste | it costs us time | refactoring | 2026-11-27 |",
        "| What is owed here | code | it costs us time | hope | 2026-11-27 |",
        "| What is owed here | code | much | refactoring | 2026-11-27 |",
        "| What is owed here | code | it costs us time | refactoring | soon |",
    ],
)
def test_a_row_that_lacks_one_is_found(row: str) -> None:
    head = "| What | Type | Interest | Repayment | Since |\n| --- | --- | --- | --- | --- |\n"

    (debt,) = debts(head + row)

    assert len(faults(debt)) == 1
