"""Published figures, oracles and the properties that make evidence valid at every look."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from inference.core.evidence import (
    MIN_LABELLED,
    compare,
    half_width,
    log_e_binomial,
    log_e_mean,
    log_threshold,
    mixture_variance,
    p_value,
    sequence,
)
from inference.core.metrics import CORRECTNESS, Measure, Metric
from inference.core.tally import Moments, Tally

ERRORS = Measure(Metric.ABSOLUTE_ERROR)

ALPHA, HORIZON = 0.05, 5000.0


def share(correct: int, labelled: int) -> Tally:
    return Tally(exposures=labelled, labelled=labelled, correct=correct)


@st.composite
def shares(draw: st.DrawFn) -> Tally:
    labelled = draw(st.integers(MIN_LABELLED, 50_000))
    return share(draw(st.integers(0, labelled)), labelled)


# -- figures that others published ---------------------------------------------------------------


def test_confseq_two_sided_normal_mixture() -> None:
    # gostevehoward/confseq, test/uniform_boundaries_unittest.cpp: v_opt 100, alpha 0.05.
    assert 1 / mixture_variance(0.05, 100) == pytest.approx(12.60056, abs=1e-5)
    assert log_e_mean(10 / 100, 1 / 100, 100, 0.05, 100) == pytest.approx(-0.6510052, abs=1e-5)
    assert 100 * half_width(1 / 100, 100, 0.05, 100) == pytest.approx(30.35209, abs=1e-5)


def test_confseq_two_sided_beta_binomial_mixture() -> None:
    # The same file: g 0.2, h 0.8, s 10, v 100; that is 135 of 625 events where a fifth is expected,
    # with the concentration (rho - g h) / (g h).
    concentration = (12.60056097925634 - 0.16) / 0.16

    assert log_e_binomial(135, 490, 0.2, concentration) == pytest.approx(-0.6941012, abs=1e-5)


@pytest.mark.parametrize(
    ("difference", "error", "horizon", "interval", "p"),
    [
        (0.50336, 0.33341, 1000, (-0.55844, 1.56516), 1.0),
        (0.50386, 0.03386, 5000, (0.40098, 0.60675), 0.0),
        (0.50236, 0.30930, 5000, (-0.43745, 1.44217), 1.0),
    ],
)
def test_growthbook_sequential_tests(
    difference: float, error: float, horizon: int, interval: tuple[float, float], p: float
) -> None:
    # growthbook/growthbook, packages/stats/tests/frequentist/test_tests.py, class
    # TestSequentialTTest: 3,000 and 3,461 units, uplift and its standard error as printed there.
    radius = half_width(error**2, 6461, 0.05, horizon)
    log_e = log_e_mean(difference, error**2, 6461, 0.05, horizon)

    assert difference - radius == pytest.approx(interval[0], abs=3e-5)
    assert difference + radius == pytest.approx(interval[1], abs=3e-5)
    assert p_value(log_e) == pytest.approx(p, abs=1e-5)


@pytest.mark.parametrize(
    ("n", "ratio"), [(500, 1.97), (1000, 1.72), (5000, 1.55), (20_000, 1.60), (50_000, 1.65)]
)
def test_the_price_of_looking_is_a_band_half_as_wide_again(n: int, ratio: float) -> None:
    assert half_width(1.0, n, ALPHA, HORIZON) / 1.96 == pytest.approx(ratio, abs=0.005)


# -- oracles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("concentration", [1.0, 20.0, 100.0])
@pytest.mark.parametrize(
    ("k1", "k2", "p0"), [(0, 0, 0.5), (7, 3, 0.5), (0, 40, 0.1), (130, 90, 0.5), (900, 100, 0.9)]
)
def test_the_binomial_e_value_is_a_ratio_of_likelihoods(
    k1: int, k2: int, p0: float, concentration: float
) -> None:
    a, b = concentration * p0, concentration * (1 - p0)
    mixture = stats.betabinom.logpmf(k1, k1 + k2, a, b)
    null = stats.binom.logpmf(k1, k1 + k2, p0)

    assert log_e_binomial(k1, k2, p0, concentration) == pytest.approx(mixture - null, abs=1e-9)


def test_smoothed_shares_are_agresti_and_caffos_with_one_more_of_each() -> None:
    control, challenger = (
        CORRECTNESS.moments(share(*each), 2.0) for each in ((178, 200), (91, 110))
    )
    # statsmodels adds one right and one wrong answer to each arm by itself.
    low, high = confint_proportions_2indep(92, 112, 179, 202, method="agresti-caffo")
    error = sqrt(control.variance / control.n + challenger.variance / challenger.n)

    assert challenger.mean - control.mean == pytest.approx((low + high) / 2, abs=1e-12)
    assert error == pytest.approx((high - low) / 2 / stats.norm.ppf(0.975), abs=1e-12)


def test_measured_errors_give_welchs_standard_error() -> None:
    dice = np.random.default_rng(11)
    errors = dice.exponential(3.0, 150), dice.exponential(2.5, 400)
    control, challenger = (
        ERRORS.moments(
            Tally(labelled=x.size, absolute_error=x.sum(), squared_error=(x * x).sum()), 2.0
        )
        for x in errors
    )

    oracle = CompareMeans(DescrStatsW(-errors[1]), DescrStatsW(-errors[0]))
    variance = control.variance / control.n + challenger.variance / challenger.n

    assert challenger.mean - control.mean == pytest.approx(oracle.d1.mean - oracle.d2.mean)
    assert sqrt(variance) == pytest.approx(oracle.std_meandiff_separatevar)


# -- what makes it valid -------------------------------------------------------------------------


@given(
    k1=st.integers(0, 2000),
    k2=st.integers(0, 2000),
    p0=st.floats(0.01, 0.99),
    concentration=st.floats(0.5, 10_000),
)
@settings(deadline=None)
def test_without_a_difference_no_event_is_expected_to_raise_the_e_value(
    k1: int, k2: int, p0: float, concentration: float
) -> None:
    now = log_e_binomial(k1, k2, p0, concentration)
    first = log_e_binomial(k1 + 1, k2, p0, concentration) - now
    second = log_e_binomial(k1, k2 + 1, p0, concentration) - now

    assert p0 * exp(first) + (1 - p0) * exp(second) == pytest.approx(1.0, rel=1e-6)


@given(shares(), shares(), st.floats(0.001, 0.2), st.integers(500, 100_000))
@settings(deadline=None)
def test_the_interval_leaves_zero_out_exactly_when_the_e_value_decides(
    control: Tally, challenger: Tally, alpha: float, horizon: int
) -> None:
    evidence = compare(control, challenger, CORRECTNESS, alpha, horizon)

    assert evidence is not None
    low, high = evidence.interval
    assert low <= evidence.difference <= high
    assert evidence.threshold == log_threshold(alpha)
    # At the boundary itself the last bit may fall either way.
    if abs(evidence.log_e - evidence.threshold) > 1e-9:
        assert evidence.conclusive == (low > 0 or high < 0)
        assert evidence.conclusive == (evidence.p_value < alpha)


@given(shares(), shares())
@settings(deadline=None)
def test_exchanging_the_arms_turns_the_difference_round(one: Tally, other: Tally) -> None:
    there = compare(one, other, CORRECTNESS, ALPHA, HORIZON)
    back = compare(other, one, CORRECTNESS, ALPHA, HORIZON)

    assert there is not None
    assert back is not None
    assert there.difference == -back.difference
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))
    assert there.log_e == pytest.approx(back.log_e)


def test_a_smaller_error_is_a_better_score() -> None:
    # One value of 0 and one of 2 in turn: mean 1, against 3 and 5.
    near = Tally(labelled=200, absolute_error=200.0, squared_error=400.0)
    far = Tally(labelled=200, absolute_error=800.0, squared_error=3400.0)

    evidence = compare(far, near, ERRORS, ALPHA, HORIZON)

    assert evidence is not None
    assert evidence.difference == 3.0
    assert evidence.conclusive
    assert evidence.interval[0] > 2.0


@pytest.mark.parametrize("measure", [CORRECTNESS, ERRORS])
@pytest.mark.parametrize(("one", "other"), [(99, 5000), (5000, 99), (0, 0)])
def test_below_a_hundred_labels_in_an_arm_nothing_is_said(
    one: int, other: int, measure: Measure
) -> None:
    arms = [
        Tally(labelled=n, correct=n // 2, absolute_error=n, squared_error=2 * n)
        for n in (one, other)
    ]

    assert compare(arms[0], arms[1], measure, ALPHA, HORIZON) is None


def test_errors_that_are_all_alike_say_nothing() -> None:
    alike = Tally(labelled=500, absolute_error=500.0, squared_error=500.0)

    assert compare(alike, alike, ERRORS, ALPHA, HORIZON) is None


def test_a_label_beyond_measure_says_nothing() -> None:
    sane = Tally(labelled=500, absolute_error=500.0, squared_error=900.0)
    huge = Tally(labelled=500, absolute_error=1e154, squared_error=float("inf"))

    assert compare(sane, huge, ERRORS, ALPHA, HORIZON) is None
    assert sequence(Moments(500, -1.0, 1.0), Moments(500, -1e200, 1.0), ALPHA, HORIZON) is None


def test_arms_without_a_mistake_are_compared_too() -> None:
    level = compare(share(500, 500), share(500, 500), CORRECTNESS, ALPHA, HORIZON)
    apart = compare(share(0, 500), share(500, 500), CORRECTNESS, ALPHA, HORIZON)

    assert level is not None
    assert not level.conclusive
    assert apart is not None
    assert apart.conclusive
    assert apart.difference == 1.0


def test_evidence_beyond_what_a_float_holds_is_still_a_probability() -> None:
    evidence = compare(share(0, 10**9), share(10**9, 10**9), CORRECTNESS, ALPHA, HORIZON)

    assert evidence is not None
    assert evidence.p_value == 0.0
    assert p_value(-1e9) == 1.0
    assert p_value(log(20)) == pytest.approx(0.05)
