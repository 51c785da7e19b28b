"""Planned sizes are those of the textbooks, and enough for the sequence that decides."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower

from inference.core import planning
from inference.core.errors import ExperimentInvalid
from inference.core.evidence import half_width
from inference.core.planning import Aim, planned

FAIR: dict[str, Any] = {"difference": 0.05, "variance": 0.16}


@pytest.mark.parametrize(("difference", "variance"), [(0.05, 0.16), (0.01, 0.09), (2.0, 30.0)])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("weights", [(1, 1), (9, 1), (1, 4)])
def test_looked_at_once_it_takes_what_statsmodels_says(
    difference: float, variance: float, power: float, weights: tuple[int, int]
) -> None:
    control, challenger = weights
    effect = difference / sqrt(variance)
    theirs = NormalIndPower().solve_power(
        effect, power=power, alpha=0.05, ratio=challenger / control
    ) * (1 + challenger / control)

    ours = planned(Aim(difference, variance, weights, power=power)).fixed

    assert ours == pytest.approx(theirs, rel=2e-3, abs=2)


def test_a_published_sample_size_is_found() -> None:
    """0.5 against 0.6 at 80 %: 388 an arm without correction (Fleiss, Levin, Paik 2003, ch. 4)."""
    pooled = 0.55 * 0.45

    fixed = planned(Aim(0.1, pooled)).fixed

    assert fixed is not None
    assert fixed / 2 == pytest.approx(388, abs=1)


def test_watching_takes_about_twice_the_labels_in_the_worst_case() -> None:
    plan = planned(Aim(**FAIR))

    assert plan.fixed is not None
    assert plan.watched is not None
    assert 1.7 < plan.watched / plan.fixed < 2.6


def test_so_many_labels_give_the_power_that_was_wanted() -> None:
    aim = Aim(**FAIR)
    plan = planned(aim)
    assert plan.watched is not None
    each = plan.watched // 2
    dice = np.random.default_rng(5)
    control = dice.binomial(each, 0.8, 4000) / each
    challenger = dice.binomial(each, 0.85, 4000) / each

    radius = half_width(2 * aim.variance / each, 2 * each, aim.alpha, aim.horizon)

    seen = float(np.mean(challenger - control > radius))
    assert 0.77 < seen < 0.9  # at this very look; earlier ones only add to it


@pytest.mark.parametrize("weights", [(1, 1), (9, 1), (1, 1, 1)])
def test_what_can_be_seen_is_the_other_side_of_what_is_needed(weights: tuple[int, ...]) -> None:
    aim = Aim(0.02, 0.09, weights)
    plan = planned(aim)
    assert plan.watched is not None

    assert planning.detectable(aim, plan.watched) == pytest.approx(0.02, rel=1e-3)
    assert planning.detectable(aim, 0.5) is None


def test_more_arms_and_a_crooked_split_take_more() -> None:
    even, three, crooked = (
        planned(Aim(0.02, 0.09, weights)).watched or 0 for weights in ((1, 1), (1, 1, 1), (9, 1))
    )
    assert even < three
    assert even < crooked


def test_what_takes_for_ever_is_none() -> None:
    plan = planned(Aim(1e-9, 0.25))

    assert (plan.fixed, plan.watched) == (None, None)
    assert planning.days(None, 100.0) is None
    assert planning.days(100, 0.0) is None
    assert planning.days(100, 50.0) == 2.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("difference", 0.0),
        ("difference", float("inf")),
        ("variance", 0.0),
        ("power", 1.0),
        ("power", 0.1),
        ("alpha", 0.0),
        ("weights", (1,)),
        ("weights", (1, 0)),
    ],
)
def test_what_cannot_be_aimed_at_is_named(field: str, value: Any) -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        Aim(**{**FAIR, field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("said", ["", "nan", "inf", "-1", "much"])
def test_a_number_is_one(said: str) -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        planning.number("base", {"base": said})
    assert refused.value.field == "base"


def test_numbers_have_what_is_usual() -> None:
    assert planning.number("base", {}, 0.5) == 0.5
    assert planning.number("base", {"base": "0.25"}, 0.5) == 0.25
    with pytest.raises(ExperimentInvalid):
        planning.number("base", {})
    assert planning.weights_of("1, 2,3") == (1, 2, 3)
    for wrong in ("", "1,,2", "a", "1.5", "-1,2", "1" * 9):
        with pytest.raises(ExperimentInvalid):
            planning.weights_of(wrong)


def test_pairs_need_fewer_the_less_the_models_disagree() -> None:
    """0.83 against 0.80: half of the simulated tests are done after 960 inputs."""
    apart = planned(Aim(0.03, 0.16, discordant=0.32)).paired
    alike = planned(Aim(0.03, 0.16, discordant=0.11)).paired
    split = planned(Aim(0.03, 0.16)).watched

    assert alike is not None
    assert apart is not None
    assert split is not None
    assert 1000 < alike < 2500
    assert alike < apart < split
    assert split > 4 * alike
    assert planned(Aim(0.03, 0.16)).paired is None


def test_models_disagree_at_least_by_the_difference() -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        planned(Aim(0.1, 0.16, discordant=0.01))

    assert refused.value.field == "discordant"
