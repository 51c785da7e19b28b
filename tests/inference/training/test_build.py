"""Rows are cut in two by a hash, so that nobody is in both parts, today or next month."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.core import assignment
from inference.core.errors import DatasetInvalid
from inference.training import build, files
from inference.training.build import Cut, Source
from inference.training.dataset import Rows
from tests.inference import artefacts


def source(units: list[str | None] | None = None, count: int = 400) -> Source:
    return Source(files.typed(artefacts.rows(count), "income"), units)


def test_three_rows_in_ten_are_held_out_and_every_row_is_somewhere() -> None:
    parts = build.cut(source(), Cut())

    assert len(parts["train"]) + len(parts["held_out"]) == 400
    assert 90 <= len(parts["held_out"]) <= 150
    assert parts["held_out"].about.split is not None
    assert parts["held_out"].about.split.by == "row"


def test_a_subject_is_in_one_part_and_in_the_same_one_of_the_next_data_set() -> None:
    units: list[str | None] = [f"visitor-{at % 50}" for at in range(400)]
    first = build.cut(source(units), Cut())
    later = build.cut(source(list(reversed(units))), Cut())

    held_out = {each for each in units if each and Cut().part(each) == "held_out"}
    expected = [at for at in range(400) if units[at] in held_out]
    assert len(first["held_out"]) == len(expected) == len(later["held_out"])
    assert list(first["held_out"].rows.records) == [
        artefacts.rows(400).records[at] for at in expected
    ]


def test_the_hash_is_that_of_assignment_with_a_salt_of_its_own() -> None:
    how = Cut(share=0.5, seed=7)

    assert how.salt == "dataset:7"
    for unit in map(str, range(200)):
        below = assignment.bucket("dataset:7", unit) < 5000
        assert (how.part(unit) == "held_out") is below


def test_equal_rows_without_a_subject_stay_together() -> None:
    rows = Rows([{"x": at % 7} for at in range(70)], ["a", "b"] * 35)
    parts = build.cut(Source(files.typed(rows, "y")), Cut(share=0.5))

    sides = [{row["x"] for row in parts[part].rows.records} for part in build.PARTS]
    assert sides[0].isdisjoint(sides[1])


def test_a_part_without_rows_is_refused() -> None:
    with pytest.raises(DatasetInvalid, match="too few rows"):
        build.cut(source(["the only one"] * 400), Cut())


def test_the_column_of_subjects_is_no_feature(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = [f"{at % 9},{at},{'yes' if at % 2 else 'no'}" for at in range(90)]
    path.write_text("\n".join(["who,x,y", *lines, "3,5,?"]))

    found = build.from_csv(path, "y", subject="who")

    assert found.table.about.columns == {"x": "integer"}
    assert found.units is not None
    assert len(found.units) == len(found.table) == 90
    with pytest.raises(DatasetInvalid, match="no column 'z'"):
        build.from_csv(path, "z")
