"""However rows come together, each of them is counted once."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core.basin import Basin
from inference.core.reference import Reference
from inference.core.schema import Feature, Schema, Target
from inference.core.tensors import Matrix

SCHEMA = Schema(
    tuple(Feature(f"n{each}", "number") for each in range(6)),
    Target("y", "binary", ("no", "yes")),
)
WIDE = Schema(
    tuple(Feature(f"n{each}", "number") for each in range(2000)), Target("y", "regression")
)
DICE = np.random.default_rng(1)
ROWS = DICE.normal(size=(5000, 6))
OUTPUTS = np.column_stack([np.full(5000, 0.25), np.full(5000, 0.75)])
REFERENCE = Reference.of(SCHEMA, ROWS, ROWS, OUTPUTS)


def poured(sizes: list[int]) -> Basin:
    basin, start = Basin(REFERENCE), 0
    for size in sizes:
        basin.pour((ROWS[start : start + size],), (OUTPUTS[start : start + size],))
        start += size
    return basin


@pytest.mark.parametrize("sizes", [[1] * 50, [3000], [1, 1023, 1, 700], [1024], [1025, 1024, 0]])
def test_rows_are_counted_once_however_they_come(sizes: list[int]) -> None:
    counts, whole = poured(sizes).take(), poured([sum(sizes)]).take()

    assert counts.rows == sum(sizes)
    assert counts.cells.tolist() == whole.cells.tolist()
    assert counts.confidence == pytest.approx(0.75 * sum(sizes))


def test_what_was_taken_is_not_there_any_more() -> None:
    basin = poured([10])

    basin.take()

    assert basin.take().rows == 0


def test_what_was_poured_in_may_change_afterwards() -> None:
    basin, rows = Basin(REFERENCE), ROWS[:4].copy()
    basin.pour((rows,), (OUTPUTS[:4],))

    rows[:] = 1e9

    assert basin.take().cells.tolist() == poured([4]).take().cells.tolist()


def test_a_wide_table_is_counted_in_small_pieces() -> None:
    rows: Matrix = DICE.normal(size=(40, 2000))
    basin = Basin(Reference.of(WIDE, rows, rows, rows[:, :1]))

    basin.pour((rows,), (rows[:, :1],))

    counts = basin.take()
    assert (counts.rows, counts.confidence) == (40, 0.0)


@pytest.mark.parametrize(
    ("rows", "outputs"), [(ROWS[:2, :3], OUTPUTS[:2]), (ROWS[0], OUTPUTS[:6]), (ROWS, OUTPUTS[0])]
)
def test_what_is_not_of_the_reference_is_refused(rows: Matrix, outputs: Matrix) -> None:
    with pytest.raises(ValueError, match="no rows of 6 features"):
        Basin(REFERENCE).pour((rows,), (outputs,))
