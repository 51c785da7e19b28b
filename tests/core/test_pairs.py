"""Pairs: the exact test, its confidence sequence, and what it saves; seeded simulations."""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from scipy.special import betaln
from statsmodels.stats.contingency_tables import mcnemar

from inference.core import pairs
from inference.core.evidence import MIN_LABELLED, log_threshold
from inference.core.experiment import Arm, Mode, Terms
from inference.core.metrics import CORRECTNESS, Measure, Metric
from inference.core.tally import NOTHING, Tally
from inference.core.verdict import Code, judge

pytestmark = pytest.mark.timeout(60)

ALPHA, HORIZON = 0.05, 5000.0
RUNS, LOOKS, ALLOWED, BROKEN = 2000, 200, 0.065, 0.20
ERRORS = Measure(Metric.ABSOLUTE_ERROR)
LOG_LOSS = Measure(Metric.LOG_LOSS)

Floats = npt.NDArray[np.float64]


def table(both: int, ahead: int, behind: int, neither: int) -> Tally:
    """A challenger's tally of the 2x2 table of who was right."""
    return Tally(
        labelled=both + ahead + behind + neither,
        correct=both + ahead,
        ahead=ahead,
        behind=behind,
        gap=ahead - behind,
        gap_squares=ahead + behind,
    )


def test_below_a_hundred_pairs_nothing_is_said() -> None:
    assert pairs.compare(table(50, 40, 0, 9), CORRECTNESS, ALPHA, HORIZON) is None
    assert pairs.compare(table(50, 40, 0, 10), CORRECTNESS, ALPHA, HORIZON) is not None


def test_the_evidence_is_the_mixtures_and_its_p_value_is_no_less_than_mcnemars() -> None:
    found = pairs.compare(table(700, 70, 40, 190), CORRECTNESS, ALPHA, HORIZON)

    assert found is not None
    assert found.difference == pytest.approx(0.03)
    mixture = stats.betabinom.logpmf(70, 110, 10, 10) - stats.binom.logpmf(70, 110, 0.5)
    assert found.log_e == pytest.approx(mixture)
    assert found.p_value > mcnemar([[700, 40], [70, 190]], exact=True).pvalue


@pytest.mark.parametrize("ahead", range(30, 80, 5))
def test_zero_is_left_out_exactly_when_the_evidence_is_conclusive(ahead: int) -> None:
    found = pairs.compare(table(800, ahead, 40, 100), CORRECTNESS, ALPHA, HORIZON)

    assert found is not None
    assert found.conclusive == (not found.interval[0] < 0.0 < found.interval[1])


def test_without_a_discordant_pair_either_may_be_better() -> None:
    found = pairs.compare(table(900, 0, 0, 100), CORRECTNESS, ALPHA, HORIZON)

    assert found is not None
    assert found.log_e == 0.0
    low, high = found.interval
    assert low == pytest.approx(-high)
    assert 0.003 < high < 0.01  # it may still be as much, with a thousand inputs alike


def test_scores_that_are_all_alike_leave_nothing_to_tell_chance_by() -> None:
    assert pairs.compare(Tally(labelled=200), ERRORS, ALPHA, HORIZON) is None


def test_the_control_is_compared_on_the_inputs_that_both_scored() -> None:
    control = Tally(exposures=5000, errors=3, labelled=4000, correct=3300, absolute_error=9.0)
    shown = pairs.counterpart(control, table(700, 70, 40, 190), CORRECTNESS)

    assert shown == Tally(exposures=5000, errors=3, labelled=1000, correct=740)
    errors = Tally(labelled=10, absolute_error=5.0, gap=1.0)
    assert pairs.counterpart(control, errors, ERRORS).absolute_error == 6.0
    losses = Tally(labelled=10, total=-5.0, gap=1.0)
    assert pairs.counterpart(control, losses, LOG_LOSS).total == -6.0


def test_a_shadow_test_is_judged_by_its_pairs() -> None:
    terms = Terms(mode=Mode.SHADOW)
    control = Arm("forest", 1, Tally(exposures=9000, labelled=4000, correct=3000))
    better = Arm("boost", 1, table(700, 90, 30, 180))

    verdict = judge([control, better], terms)

    assert verdict.code is Code.WINNER
    assert verdict.winner == 1
    assert "right 79.0% of the time against 73.0%" in verdict.sentence


def test_a_minimum_holds_a_winner_back() -> None:
    control = Arm("forest", 1, Tally(exposures=9000, labelled=4000, correct=3000))
    better = Arm("boost", 1, table(700, 90, 30, 180))

    verdict = judge([control, better], Terms(mode=Mode.SHADOW, minimum=1001))

    assert verdict.code is Code.COLLECTING
    assert verdict.winner is None
    assert "a comparison starts at 1,001" in verdict.sentence


# -- simulations -----------------------------------------------------------------------------------


def discordants(ahead: float, behind: float, inputs: int, seed: int) -> tuple[Floats, Floats]:
    """Per run and look, how many inputs only one of both got right."""
    dice = np.random.default_rng(seed)
    drawn = dice.multinomial(inputs // LOOKS, [ahead, behind, 1 - ahead - behind], (RUNS, LOOKS))
    counts = drawn.cumsum(axis=1).astype(float)
    return counts[..., 0], counts[..., 1]


def log_e(ahead: Floats, behind: Floats) -> Floats:
    """The exact evidence over whole arrays; proven equal to it below."""
    found: Floats = betaln(10 + ahead, 10 + behind) - betaln(10, 10) + (ahead + behind) * log(2.0)
    return found


def test_the_arrays_are_what_is_decided_by() -> None:
    ahead, behind = discordants(0.07, 0.04, 4000, 3)
    found = log_e(ahead, behind)
    for run, look in ((0, 10), (7, 60), (1999, 199)):
        a, b = int(ahead[run, look]), int(behind[run, look])
        n = (look + 1) * 20
        evidence = pairs.compare(table(n - a - b, a, b, 0), CORRECTNESS, ALPHA, HORIZON)
        assert evidence is not None
        assert evidence.log_e == pytest.approx(found[run, look])


def test_looked_at_all_the_time_it_names_a_wrong_winner_in_5_percent_at_most() -> None:
    ahead, behind = discordants(0.055, 0.055, 4000, 5)

    wrong = (log_e(ahead, behind) >= log_threshold(ALPHA)).any(axis=1).mean()
    z = np.abs(ahead - behind) / np.sqrt(np.maximum(1.0, ahead + behind))
    peeked = (z >= 1.96).any(axis=1).mean()

    assert wrong <= ALLOWED
    assert peeked > BROKEN


def test_it_stops_after_a_quarter_of_the_labels() -> None:
    """0.83 against 0.80 with 11 % of the inputs discordant."""
    ahead, behind = discordants(0.07, 0.04, 4000, 7)

    won = log_e(ahead, behind) >= log_threshold(ALPHA)
    stops = np.where(won.any(axis=1), won.argmax(axis=1) + 1, LOOKS + 1) * (4000 // LOOKS)

    assert np.median(stops) <= 1100
    assert won.any(axis=1).mean() > 0.98


@pytest.mark.parametrize(("ahead", "behind"), [(0.07, 0.04), (0.02, 0.02), (0.004, 0.001)])
def test_the_interval_covers_the_true_difference_at_all_looks(ahead: float, behind: float) -> None:
    runs, looks, each = 400, 40, 100
    dice = np.random.default_rng(11)
    drawn = dice.multinomial(each, [ahead, behind, 1 - ahead - behind], (runs, looks))
    counts = drawn.cumsum(axis=1)
    missed = 0
    for run in counts:
        for look, (a, b, rest) in enumerate(run.tolist(), start=1):
            found = pairs.compare(table(rest, a, b, 0), CORRECTNESS, ALPHA, HORIZON)
            assert found is not None, look
            if not found.interval[0] <= ahead - behind <= found.interval[1]:
                missed += 1
                break

    assert missed / runs <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)


def rare_and_large(dice: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """A gap that is nearly always slightly above zero, and at times far below: of mean zero."""
    rare = dice.random(shape) < 0.01
    return np.where(rare, -4.95, 0.05) + dice.normal(0.0, 0.01, shape)


def even(dice: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return dice.normal(0.0, 0.3, shape)


@pytest.mark.parametrize("gaps", [rare_and_large, even])
def test_gaps_of_scores_deceive_it_no_more_often(gaps: object) -> None:
    assert callable(gaps)
    drawn = gaps(np.random.default_rng(13), (RUNS, 4000))
    each = 4000 // LOOKS
    total = drawn.reshape(RUNS, LOOKS, each).sum(axis=2).cumsum(axis=1)
    squares = (drawn**2).reshape(RUNS, LOOKS, each).sum(axis=2).cumsum(axis=1)
    wrong = 0
    for run in range(RUNS):
        tallies = (
            Tally(labelled=(look + 1) * each, gap=total[run, look], gap_squares=squares[run, look])
            for look in range(MIN_LABELLED // each, LOOKS)
        )
        found = (pairs.compare(tally, LOG_LOSS, ALPHA, HORIZON) for tally in tallies)
        wrong += any(each is not None and each.conclusive for each in found)

    assert wrong / RUNS <= ALLOWED


def test_nothing_is_no_pair() -> None:
    assert pairs.compare(NOTHING, CORRECTNESS, ALPHA, HORIZON) is None
