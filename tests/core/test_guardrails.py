"""Harm is noticed soon and certainly; where there is none, hardly anybody is ever accused.

Simulated: 2,000 runs, 200 looks each, seeded. At alpha = 0.05 an honest guardrail is crossed in at
most 6.5 % of the runs, three standard errors of the simulation above.
"""

from __future__ import annotations

import sys
from math import exp, log

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import betaln
from scipy.stats import binom

from inference.core.evidence import log_e_binomial
from inference.core.guardrails import (
    Guarded,
    State,
    crossed,
    log_e_drift,
    log_e_harm,
    readings,
)
from inference.core.safeguards import Safeguards

pytestmark = pytest.mark.timeout(60)

RUNS, LOOKS, ALPHA = 2000, 200, 0.05
ALLOWED, BROKEN = 0.065, 0.20
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


# -- what the numbers are --------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("part", [1.0, 0.6, 0.0])
def test_without_harm_the_bet_gains_nothing_on_average(share: float, part: float) -> None:
    """The expectation of an e-value is at most 1, under every chance up to the share."""
    counts = np.arange(31)

    values = np.exp(log_e_harm(counts, 30 - counts, share))

    mean = float((values * binom.pmf(counts, 30, part * share)).sum())
    assert mean == pytest.approx(1.0, abs=1e-9) if part == 1.0 else mean < 1.0


def test_an_event_on_the_control_speaks_against_harm_and_one_on_the_challenger_for_it() -> None:
    assert float(log_e_harm(0, 0, 0.5)) == pytest.approx(0.0, abs=1e-12)
    assert float(log_e_harm(0, 1, 0.5)) < 0.0 < float(log_e_harm(1, 0, 0.5))


def test_a_single_odds_ratio_is_the_plain_likelihood_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.core.guardrails._LOG_ODDS", np.array([log(4.0)]))
    monkeypatch.setattr("inference.core.guardrails._LOG_MASS", np.array([0.0]))

    assert float(log_e_harm(3, 1, 0.2)) == pytest.approx(log(0.5**4 / (0.2**3 * 0.8)))


def test_drift_is_a_product_over_the_answers() -> None:
    found = log_e_drift({"a": 30, "b": 3}, {"a": 10, "c": 5}, 0.5)

    parts = [log_e_binomial(30, 10, 0.5), log_e_binomial(3, 0, 0.5), log_e_binomial(0, 5, 0.5)]
    assert found == pytest.approx(sum(parts))


# -- what is said ----------------------------------------------------------------------------------

AGREED = Safeguards(latency_ms=20, answers=("no", "yes"))


def both(
    failing: tuple[int, int] = (10, 10),
    lagging: tuple[int, int] = (5, 5),
    yes: tuple[int, int] = (300, 300),
) -> tuple[Guarded, Guarded]:
    control, challenger = (
        Guarded(name, 0.5, 1000, failing[at], lagging[at], {"no": 600 - yes[at], "yes": yes[at]})
        for at, name in enumerate(("forest 1", "trees 1"))
    )
    return control, challenger


def test_where_nothing_differs_all_hold() -> None:
    found = readings(*both(), AGREED)

    assert [(each.name, each.state) for each in found] == [
        ("errors", State.HOLDS),
        ("latency", State.HOLDS),
        ("answers", State.HOLDS),
    ]
    assert {each.threshold for each in found} == {log(3 / 0.05)}
    assert crossed(found) is None
    assert found[0].sentence == "trees 1 failed for 1% of its units, forest 1 for 1%."


@pytest.mark.parametrize(
    ("arms", "name", "sentence"),
    [
        (
            both(failing=(10, 40)),
            "errors",
            "trees 1 failed for 4% of its units, forest 1 for 1%. "
            "That is no chance, no matter how often anybody looked.",
        ),
        (
            both(lagging=(5, 60)),
            "latency",
            "trees 1 took more than 20 ms for 6% of its units, forest 1 for 0.5%. "
            "That is no chance, no matter how often anybody looked.",
        ),
        (
            both(yes=(300, 420)),
            "answers",
            "trees 1 answers 'no' to 30% of its units, forest 1 to 50%. "
            "That is no chance, no matter how often anybody looked.",
        ),
        (both(yes=(420, 300)), "answers", "trees 1 answers 'no' to 50% of its units"),
    ],
)
def test_harm_is_named_with_its_numbers(
    arms: tuple[Guarded, Guarded], name: str, sentence: str
) -> None:
    found = crossed(readings(*arms, AGREED))

    assert found is not None
    assert found.name == name
    assert found.sentence.startswith(sentence)
    assert found.log_e >= found.threshold


@pytest.mark.parametrize("arms", [both(failing=(40, 5)), both(lagging=(90, 5))])
def test_a_challenger_that_does_better_is_left_alone(arms: tuple[Guarded, Guarded]) -> None:
    assert crossed(readings(*arms, AGREED)) is None


def test_before_both_have_predicted_nothing_is_said() -> None:
    found = readings(Guarded("a", 0.5, 5, 5), Guarded("b", 0.5), AGREED)

    assert {each.state for each in found} == {State.NO_DATA}
    assert {each.log_e for each in found} == {0.0}


def test_an_answer_without_a_name_is_something_else() -> None:
    ours = {"other": 200}
    arms = Guarded("a", 0.5, 200, answers={"x": 200}), Guarded("b", 0.5, 200, answers=ours)

    (found,) = readings(*arms, Safeguards(errors=False, answers=("x",)))

    assert found.state is State.CROSSED
    assert found.sentence.startswith("b answers something else to 100% of its units, a to 0%.")


# -- what looking does to it -----------------------------------------------------------------------


def dealt(dice: np.random.Generator, per_look: int) -> tuple[Counts, Counts]:
    """Predictions of control and challenger in each look."""
    challenger = dice.binomial(per_look, 0.5, (RUNS, LOOKS))
    return per_look - challenger, challenger


def ever(log_e: Floats, alpha: float = ALPHA) -> float:
    return float((log_e >= -log(alpha)).any(axis=1).mean())


def harm(rates: tuple[float, float], per_look: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Harmed units of both, and the evidence."""
    dice = np.random.default_rng(seed)
    n = dealt(dice, per_look)
    control, challenger = (
        dice.binomial(each, rate).cumsum(axis=1) for each, rate in zip(n, rates, strict=True)
    )
    return control, challenger, log_e_harm(challenger, control, 0.5)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.5])
def test_errors_and_slow_ones_of_alike_arms_seldom_cross(rate: float) -> None:
    control, challenger, log_e = harm((rate, rate), 100, 11)

    with np.errstate(divide="ignore", invalid="ignore"):
        z = (challenger - control) / np.sqrt(challenger + control)
    assert ever(log_e) <= ALLOWED
    assert float((z > 1.645).any(axis=1).mean()) > BROKEN


@pytest.mark.parametrize("often", [2, 10])
def test_nor_where_subjects_ask_often_and_always_fail_or_never(often: int) -> None:
    """Predictions would be taken for evidence that they are not: they guard the simulator."""
    runs, per_look = 1000, 20
    dice = np.random.default_rng(14)
    units = dice.random((runs, LOOKS * per_look))
    on_challenger, fails = units < 0.5, dice.random(units.shape) < 0.05
    asks = dice.geometric(1 / often, units.shape)

    def log_e(weights: npt.NDArray[np.int64]) -> Floats:
        control, challenger = (
            (weights * fails * (on_challenger == arm))
            .reshape(runs, LOOKS, per_look)
            .sum(axis=2)
            .cumsum(axis=1)
            for arm in (False, True)
        )
        return log_e_harm(challenger, control, 0.5)

    assert ever(log_e(np.ones(units.shape, np.int64))) <= ALLOWED
    assert ever(log_e(asks)) > BROKEN


def test_answers_of_alike_arms_seldom_cross() -> None:
    dice = np.random.default_rng(12)
    n = dealt(dice, 40)
    shares = [0.5, 0.3, 0.15, 0.05]
    log_e, chi = np.zeros((RUNS, LOOKS)), np.zeros((RUNS, LOOKS))
    left, rest = list(n), 1.0
    for share in shares:
        counts = [dice.binomial(each, min(1.0, share / rest)) for each in left]
        left, rest = [a - b for a, b in zip(left, counts, strict=True)], rest - share
        k2, k1 = (each.cumsum(axis=1) for each in counts)
        log_e += betaln(10 + k1, 10 + k2) - betaln(10, 10) + (k1 + k2) * log(2)
        chi = np.maximum(chi, np.abs(k1 - k2) / np.sqrt(np.maximum(1, k1 + k2)))
        run, look = int(dice.integers(RUNS)), int(dice.integers(LOOKS))
        assert log_e_binomial(int(k1[run, look]), int(k2[run, look]), 0.5) == pytest.approx(
            betaln(10 + k1[run, look], 10 + k2[run, look])
            - betaln(10, 10)
            + (k1[run, look] + k2[run, look]) * log(2)
        )

    assert ever(log_e) <= ALLOWED
    assert float((chi > 1.96).any(axis=1).mean()) > BROKEN


@pytest.mark.parametrize(
    ("before", "most"), [(0.0, 700), (0.01, 1_400), (0.05, 3_600), (0.1, 6_800)]
)
def test_three_percent_more_errors_are_caught_with_so_many_units(before: float, most: int) -> None:
    """With all three guardrails declared; a unit is harmed once."""
    per_look = 50
    _, _, log_e = harm((before, before + 0.03), per_look, 13)

    over = log_e >= log(3 / ALPHA)
    stops = np.where(over.any(axis=1), (over.argmax(axis=1) + 1) * per_look, LOOKS * per_look)
    low, median, high = np.percentile(stops, [10, 50, 90])

    sys.stdout.write(
        f"{before:.0%} -> {before + 0.03:.0%}: {over.any(axis=1).mean():.1%} caught within "
        f"{LOOKS * per_look:,} units, median {median:,.0f} (10-90 %: {low:,.0f}-{high:,.0f})\n"
    )
    assert over.any(axis=1).mean() > 0.95 or before == 0.1
    assert median <= most


def test_evidence_and_p_value_are_two_sides() -> None:
    assert exp(-float(log_e_harm(40, 10, 0.5))) < 0.05 / 3
