"""Rows are read as a caller would send them, and cut the same way every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.training import dataset
from inference.training.dataset import Rows

CSV = """age, work, note, income
39, State-gov, , <=50K
?, Private, x, >50K

nan, , 7, <=50K
51, null, 8, ?
"""


@pytest.fixture
def adult(tmp_path: Path) -> Path:
    path = tmp_path / "adult.csv"
    path.write_text(CSV)
    return path


def test_a_padded_file_with_gaps_is_read(adult: Path) -> None:
    rows = dataset.read_csv(adult, "income")

    assert list(rows.records) == [
        {"age": 39, "work": "State-gov", "note": None},
        {"age": None, "work": "Private", "note": "x"},
        {"age": None, "work": None, "note": "7"},
    ]
    assert list(rows.labels) == ["<=50K", ">50K", "<=50K"]


def test_rows_without_labels_are_kept_where_no_label_is_asked_for(adult: Path) -> None:
    assert [row["income"] for row in dataset.read_records(adult)] == [
        "<=50K",
        ">50K",
        "<=50K",
        None,
    ]


def test_a_file_without_the_target_is_refused(adult: Path) -> None:
    with pytest.raises(ValueError, match="no column 'wage'"):
        dataset.read_csv(adult, "wage")


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n"])
def test_a_crooked_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "crooked.csv"
    path.write_text(text)

    with pytest.raises(ValueError, match="do not fit"):
        dataset.read_csv(path, "a")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()

    with pytest.raises(ValueError, match="no column"):
        dataset.read_csv(path, "a")


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (["1", "2"], [1, 2]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1.0", "", "2"], [1, None, 2]),
        (["1", "two"], ["1", "two"]),
        ([1.5, float("nan")], [1.5, None]),
        (["1e400", "1"], ["1e400", "1"]),
        (["inf"], ["inf"]),
        ([None, "NaN", " ? ", "NULL"], [None, None, None, None]),
    ],
)
def test_a_column_is_numbers_if_all_that_is_there_is(raw: list[object], read: list[object]) -> None:
    found = dataset.column(raw)

    assert found == read
    assert [type(value) for value in found] == [type(value) for value in read]


def numbered(count: int, labels: list[str | float] | None = None) -> Rows:
    return Rows([{"n": at} for at in range(count)], labels or ["ab"[at % 2] for at in range(count)])


def test_three_in_ten_rows_are_held_out_and_none_is_lost() -> None:
    cut = dataset.split("y", numbered(32_561))

    assert (len(cut.train), len(cut.held_out)) == (22_792, 9_769)
    both = [*cut.train.records, *cut.held_out.records]
    assert sorted(int(str(row["n"])) for row in both) == list(range(32_561))


def test_the_same_seed_cuts_the_same_rows() -> None:
    assert dataset.split("y", numbered(50)) == dataset.split("y", numbered(50))
    assert dataset.split("y", numbered(50)) != dataset.split("y", numbered(50), seed=21)


def test_labels_stay_with_their_rows() -> None:
    cut = dataset.split("y", numbered(50))

    for part in (cut.train, cut.held_out):
        assert ["ab"[int(str(row["n"])) % 2] for row in part.records] == list(part.labels)


@pytest.mark.parametrize(
    ("labels", "task"),
    [(["a", "b"], "binary"), (["a", "b", "c"], "multiclass"), ([1, 2.5, 3], "regression")],
)
def test_the_labels_say_what_the_task_is(labels: list[str | float], task: str) -> None:
    assert dataset.split("y", numbered(len(labels), labels)).task == task


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="no labelled row"):
        dataset.split("y", Rows([], []))


def test_the_hash_says_which_rows_these_were() -> None:
    one = dataset.split("y", numbered(50))
    other = dataset.split("y", numbered(51))

    assert one.sha256 == dataset.split("y", numbered(50)).sha256
    assert one.sha256 != other.sha256
