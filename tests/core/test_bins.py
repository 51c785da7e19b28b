"""Each value falls into the bin that a look at it alone would find."""

from __future__ import annotations

from math import inf, isnan, nan

import numpy as np

from inference.core import bins
from inference.core.bins import OTHER, Binning, Counter

TEN = np.arange(1.0, 11.0)
JOBS = Binning("job", "category", codes=(0, 1, 1), labels=("clerk", OTHER))


def test_deciles_are_edges_and_a_value_on_one_belongs_below_it() -> None:
    binning = bins.of_numbers("age", np.arange(1.0, 101.0))

    counted = Counter([binning]).count(np.array([[10.0], [10.5], [100.0]]))

    assert binning.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert (binning.low, binning.high) == (1.0, 100.0)
    assert counted.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]


def test_where_most_values_are_the_least_one_a_lesser_one_is_told_from_it() -> None:
    binning = bins.of_numbers("gain", np.array([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]))

    counted = Counter([binning]).count(np.array([[-1.0], [0.0], [0.0], [7.0]]))

    assert len(binning.edges) == 2
    assert counted.tolist() == [1, 2, 1, 0, 2]  # of which two are out of range


def test_a_column_without_a_value_has_one_bin() -> None:
    binning = bins.of_numbers("nothing", np.array([nan, nan]))

    assert Counter([binning]).count(np.array([[1.0], [nan]])).tolist() == [1, 1, 0]
    assert (binning.low, binning.high) == (-inf, inf)


def test_missing_unseen_and_rare_categories_have_cells_of_their_own() -> None:
    counted = Counter([JOBS]).count(np.array([[0.0], [1.0], [2.0], [3.0], [nan]]))

    assert counted.tolist() == [1, 2, 1, 1]  # clerk, others, missing, unseen


def test_the_commonest_of_many_categories_keep_their_names() -> None:
    names = [f"c{each}" for each in range(50)]
    values = np.repeat(np.arange(50.0), np.arange(50) + 1)

    binning = bins.of_categories("town", names, values)

    assert binning.labels == (*names[31:], OTHER)
    assert [binning.codes[0], binning.codes[31], binning.codes[49]] == [19, 0, 18]


def test_a_code_that_no_schema_allows_counts_for_no_neighbour() -> None:
    counter = Counter([JOBS, JOBS])

    wild = counter.split(counter.count(np.array([[99.0, 0.0], [-5.0, 0.0]])))

    assert [cells.tolist() for cells in wild] == [[1, 0, 1, 0], [2, 0, 0, 0]]


def test_a_matrix_is_counted_as_its_values_one_by_one() -> None:
    dice = np.random.default_rng(7)
    numbers = np.round(dice.normal(size=(400, 3)), 1)
    numbers[dice.random(numbers.shape) < 0.1] = nan
    codes = dice.integers(0, 4, size=(400, 2)).astype(float)
    matrix = np.column_stack([numbers[:, 0], codes[:, 0], numbers[:, 1:], codes[:, 1]])
    binnings = [
        bins.of_numbers("a", TEN - 5),
        JOBS,
        bins.of_numbers("b", numbers[:, 1]),
        bins.of_numbers("c", numbers[:, 2]),
        JOBS,
    ]

    counter = Counter(binnings)
    together = counter.split(counter.count(matrix))

    for binning, column, cells in zip(binnings, matrix.T, together, strict=True):
        assert cells.tolist() == _one_by_one(binning, column.tolist())


def test_no_rows_are_no_counts() -> None:
    assert Counter([JOBS]).count(np.empty((0, 1))).tolist() == [0, 0, 0, 0]


def _one_by_one(binning: Binning, column: list[float]) -> list[int]:
    cells = [0] * binning.cells
    for value in column:
        for cell in _cells(binning, value):
            cells[cell] += 1
    return cells


def _cells(binning: Binning, value: float) -> list[int]:
    if isnan(value):
        return [binning.bins]
    if binning.kind == "category":
        known = value < len(binning.codes)
        return [binning.codes[int(value)] if known else binning.bins + 1]
    bin_ = [sum(value > edge for edge in binning.edges)]
    return bin_ if binning.low <= value <= binning.high else [*bin_, binning.bins + 1]
