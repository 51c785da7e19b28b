"""Distances are those of the books, and few rows accuse nobody.

Simulated, seeded: windows drawn as the reference was. A column may be called drifting in 1 of 1,000
windows; of 1,000 such windows at most 6 are, five standard errors above.
"""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from inference.core import drift
from inference.core.bins import Counter
from inference.core.drift import Counts, Report, State
from inference.core.reference import Reference, confidence, said
from inference.core.schema import Feature, Schema, Target
from inference.core.tensors import Matrix

SCHEMA = Schema(
    (
        *(Feature(f"n{each}", "number") for each in range(4)),
        Feature("few", "category", ("a", "b", "c")),
        Feature("many", "category", tuple(f"m{each}" for each in range(40))),
    ),
    Target("y", "binary", ("no", "yes")),
)
Dice = np.random.Generator


def rows_of(dice: Dice, count: int, shift: float = 0.0) -> Matrix:
    numbers = dice.normal(size=(count, 4))
    numbers[:, 0] += shift
    numbers[:, 3] = np.maximum(0.0, numbers[:, 3])  # tied at its least value
    few = dice.integers(0, 3, count)
    many = np.minimum(dice.geometric(0.15, count) - 1, 39)
    matrix = np.column_stack([numbers, few, many]).astype(float)
    matrix[dice.random(matrix.shape) < 0.02] = np.nan
    return matrix


def outputs_of(rows: Matrix) -> Matrix:
    yes = 1 / (1 + np.exp(-np.nan_to_num(rows[:, 1])))
    return np.column_stack([1 - yes, yes])


@pytest.fixture(scope="module")
def reference() -> Reference:
    dice = np.random.default_rng(1)
    tried = rows_of(dice, 1000)
    return Reference.of(SCHEMA, rows_of(dice, 4000), tried, outputs_of(tried))


def counted(reference: Reference, rows: Matrix) -> Counts:
    outputs = outputs_of(rows)
    matrix = np.hstack([rows, said(outputs)])
    sure = confidence(outputs) or 0.0
    return Counts(len(rows), Counter(reference.binnings).count(matrix), sure)


def looked(reference: Reference, rows: Matrix) -> Report:
    return drift.report(reference, counted(reference, rows))


# -- what the numbers are --------------------------------------------------------------------------


def test_the_index_is_the_one_that_a_hand_computes() -> None:
    """0.1 ln 2 for the first bin and as much for the second, nothing for the third."""
    by_hand = 0.1 * log(2.0) + 0.1 * log(1.5)

    assert drift.psi([0.1, 0.3, 0.6], [0.2, 0.2, 0.6]) == pytest.approx(by_hand)


def test_the_index_is_symmetric_and_nothing_for_the_same() -> None:
    p, q = [0.1, 0.3, 0.6], [0.25, 0.25, 0.5]

    assert drift.psi(p, q) == pytest.approx(drift.psi(q, p))
    assert drift.psi(p, p) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_is_that_of_scipy(seed: int) -> None:
    p, q = np.random.default_rng(seed).dirichlet([0.5] * 8, size=2)

    assert drift.jensen_shannon(p, q) == pytest.approx(float(jensenshannon(p, q, base=2)))


def test_shares_that_have_nothing_in_common_are_at_distance_one() -> None:
    assert drift.jensen_shannon([1.0, 0.0], [0.0, 1.0]) == 1.0


def test_an_empty_bin_is_taken_for_a_few_rows_of_what_was_expected() -> None:
    """Two bins weigh one row: of ten rows in the first, half a row is added to each."""
    expected, actual = drift.smoothed([50, 50], [10, 0])

    assert expected.tolist() == [0.5, 0.5]
    assert actual.tolist() == pytest.approx([10.5 / 11, 0.5 / 11])


def test_bins_that_nobody_ever_fell_into_are_left_out() -> None:
    expected, actual = drift.smoothed([50, 0, 50], [5, 0, 5])

    assert len(expected) == len(actual) == 2


def test_noise_is_the_tail_of_a_chi_square() -> None:
    """16.92 is the 5 % point of nine degrees in every table."""
    assert drift.noise(10, 500, 1000, 0.05) == pytest.approx(16.919 * 0.003, rel=1e-4)
    assert drift.noise(1, 500, 1000, 0.05) == 0.0


# -- what is said of a window ----------------------------------------------------------------------


def test_counts_of_workers_add_up(reference: Reference) -> None:
    rows = rows_of(np.random.default_rng(2), 500)

    parts = counted(reference, rows[:200]) + counted(reference, rows[200:])

    whole = counted(reference, rows)
    assert (parts.rows, parts.cells.tolist()) == (500, whole.cells.tolist())
    assert parts.confidence == pytest.approx(whole.confidence)
    assert (Counts.nothing(reference) + whole).cells.tolist() == whole.cells.tolist()


def test_the_column_that_moved_is_named_and_no_other(reference: Reference) -> None:
    report = looked(reference, rows_of(np.random.default_rng(3), 1000, shift=1.0))

    assert report.drifting == ("n0",)
    assert report.state is State.DRIFTING
    assert not report.answers_drift


def test_a_small_move_is_a_move(reference: Reference) -> None:
    report = looked(reference, rows_of(np.random.default_rng(4), 5000, shift=0.38))

    assert [each.state for each in report.features[:2]] == [State.MOVING, State.STEADY]


def test_answers_that_move_are_drift_too(reference: Reference) -> None:
    rows = rows_of(np.random.default_rng(5), 1000)
    rows[:, 1] = 3.0

    report = looked(reference, rows)

    assert report.answers_drift
    assert report.confidence is not None
    assert report.confidence > 0.9 > (report.confidence_before or 0.0)


def test_missing_and_unseen_values_are_shares_of_the_rows(reference: Reference) -> None:
    rows = rows_of(np.random.default_rng(6), 200)
    rows[:100, 0] = np.nan
    rows[:50, 4] = 3.0  # the code of a category nobody has seen
    rows[:20, 2] = 1e6

    report = looked(reference, rows)

    n0, _, n2, _, few, _ = report.features
    assert n0.missing >= 0.5
    assert n0.missing_before < 0.05
    assert (few.strange, few.strange_before) == (0.25, 0.0)
    assert 0.1 <= n2.strange < 0.12
    assert {"n0", "few"} <= set(report.drifting)


def test_of_few_rows_nothing_is_said(reference: Reference) -> None:
    report = looked(reference, rows_of(np.random.default_rng(7), 99, shift=5.0))

    assert {each.state for each in (*report.features, *report.answers)} == {State.TOO_FEW}
    assert report.state is State.TOO_FEW
    assert report.features[0].psi is None


def test_counts_of_another_reference_are_refused(reference: Reference) -> None:
    with pytest.raises(ValueError, match="another reference"):
        drift.report(reference, Counts(3, np.zeros(5, np.int64)))


# -- chance ----------------------------------------------------------------------------------------


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [100, 300, 1000])
def test_chance_alone_is_hardly_ever_called_drift(reference: Reference, size: int) -> None:
    dice = np.random.default_rng(size)

    reports = [looked(reference, rows_of(dice, size)) for _ in range(1000)]

    alarms = sum(bool(each.drifting) or each.answers_drift for each in reports)
    assert alarms <= 6


def test_without_a_guard_small_windows_would_cry_wolf(reference: Reference) -> None:
    """Guards the simulation: the convention alone accuses a column in many windows of 100 rows."""
    dice = np.random.default_rng(0)

    reports = [looked(reference, rows_of(dice, 100)) for _ in range(200)]

    over = sum(any((one.psi or 0.0) > drift.DRIFTING for one in each.features) for each in reports)
    assert over > 60
