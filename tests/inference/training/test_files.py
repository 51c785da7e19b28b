"""What one step writes the next one reads, with the same types, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.core.errors import DatasetInvalid
from inference.training import files
from inference.training.dataset import Rows
from inference.training.files import Table

ROWS = Rows(
    [
        {"age": 39, "hours": 1.5, "work": 'a "b", c', "code": "1"},
        {"age": None, "hours": 2.0, "work": None, "code": "02"},
    ],
    ["yes", "no"],
)


@pytest.fixture
def table() -> Table:
    return files.typed(ROWS, "earns")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_come_back_with_their_types(table: Table, tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: no parquet")
    about, new = files.write(tmp_path / f"rows{suffix}", table)

    again = files.read(tmp_path / f"rows{suffix}")

    assert new
    assert again.rows == ROWS
    assert again.about == about
    assert about.columns == {
        "age": "integer",
        "hours": "number",
        "work": "category",
        "code": "category",
    }


def test_a_category_of_digits_stays_one_and_so_do_classes(tmp_path: Path) -> None:
    rows = Rows([{"zip": "01"}, {"zip": "2"}], [0, 1])
    files.write(tmp_path / "rows.csv", files.typed(rows, "ill", "binary"))

    again = files.read(tmp_path / "rows.csv")

    assert list(again.rows.records) == [{"zip": "01"}, {"zip": "2"}]
    assert list(again.rows.labels) == ["0", "1"]


def test_the_same_rows_are_written_once_and_others_never(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    files.write(path, table)
    before = path.stat().st_mtime_ns

    assert files.write(path, table)[1] is False
    assert path.stat().st_mtime_ns == before
    with pytest.raises(DatasetInvalid, match="does not change"):
        files.write(path, files.typed(Rows(ROWS.records, ["no", "no", "x"][:2]), "earns", "binary"))


def test_who_was_stopped_begins_anew(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    (tmp_path / "rows.csv.part").write_text("age,ho")
    path.write_text("no description says what this is")

    assert files.write(path, table)[1]
    path.unlink()
    assert files.write(path, table)[1]
    assert files.read(path).rows == ROWS


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.write_text("age\n1\n"), "not the table"),
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: files.described(path).write_text("{}"), "damaged"),
        (lambda path: files.described(path).unlink(), "name its target"),
    ],
)
def test_what_is_not_as_described_is_refused(
    table: Table, tmp_path: Path, change: object, sentence: str
) -> None:
    path = tmp_path / "rows.csv"
    files.write(path, table)
    assert callable(change)
    change(path)

    with pytest.raises(DatasetInvalid, match=sentence):
        files.read(path)


def test_another_target_than_the_described_one_is_refused(table: Table, tmp_path: Path) -> None:
    files.write(tmp_path / "rows.csv", table)

    with pytest.raises(DatasetInvalid, match="target 'earns'"):
        files.read(tmp_path / "rows.csv", "age")


def test_a_bare_file_shows_its_types_by_its_values(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("age, work, y\n1, a, 2.5\n?, b, 3\n3, ?, \n")

    table = files.read(path, "y")

    assert table.about.task == "regression"
    assert list(table.rows.labels) == [2.5, 3.0]
    assert table.about.columns == {"age": "integer", "work": "category"}
