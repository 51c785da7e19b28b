from __future__ import annotations

from dataclasses import replace

import pytest

from inference.core import outlook, planning
from inference.core.experiment import Arm, Mode, Terms
from inference.core.outlook import Outlook
from inference.core.planning import Aim
from inference.core.tally import Tally
from inference.core.verdict import Code

TERMS = Terms(difference=0.05)


def arms(*labelled: int, right: float = 0.8, weights: tuple[int, ...] = ()) -> list[Arm]:
    return [
        Arm(f"arm {at}", weight, Tally(labelled=n, correct=round(n * right)))
        for at, (n, weight) in enumerate(zip(labelled, weights or [1] * len(labelled), strict=True))
    ]


def left(found: Outlook, code: Code = Code.TOO_EARLY) -> float | None:
    return found.left(code)


# -- labels ----------------------------------------------------------------------------------------


def test_with_a_maximum_it_is_what_is_missing_of_it() -> None:
    assert left(Outlook(arms(300, 200), TERMS, maximum=1200)) == 700
    assert left(Outlook(arms(700, 600), TERMS, maximum=1200)) == 0
    assert left(Outlook(arms(0, 0), TERMS, maximum=1200), Code.NO_DATA) == 1200
    assert left(Outlook(arms(3, 2), replace(TERMS, mode=Mode.BANDIT), maximum=10)) == 5


def test_with_a_difference_it_is_what_a_plan_with_the_spread_of_its_labels_says() -> None:
    needed = planning.planned(Aim(0.05, 0.8 * 0.2)).watched
    assert needed is not None

    assert left(Outlook(arms(300, 200), TERMS)) == needed - 500
    assert left(Outlook(arms(100_000, 100_000), TERMS)) == 0


def test_the_plan_knows_weights_alpha_and_horizon() -> None:
    terms = Terms(difference=0.05, alpha=0.01, horizon=20_000)
    needed = planning.planned(Aim(0.05, 0.16, (3, 1, 1), alpha=0.01, horizon=20_000)).watched
    assert needed is not None

    assert left(Outlook(arms(300, 200, 100, weights=(3, 1, 1)), terms)) == needed - 600


def test_what_an_arm_differs_from_another_is_no_spread() -> None:
    apart = [*arms(1000, right=0.9), *arms(1000, right=0.5)]
    needed = planning.planned(Aim(0.05, (0.09 + 0.25) / 2)).watched
    assert needed is not None

    assert left(Outlook(apart, TERMS)) == needed - 2000


def test_without_a_difference_it_is_the_horizon_of_control_and_the_smallest_challenger() -> None:
    terms = Terms(horizon=6000)

    assert left(Outlook(arms(100, 50), terms)) == 5850
    assert left(Outlook(arms(100, 50, 50), terms)) == 8800
    assert left(Outlook(arms(4000, 4000), terms)) == 0


def test_in_the_shadow_pairs_are_counted_and_fewer_are_needed() -> None:
    shadow = replace(TERMS, mode=Mode.SHADOW)
    pairs = Tally(labelled=500, correct=400, ahead=30, behind=25, gap=5.0, gap_squares=55.0)
    both = [*arms(1000), Arm("new", 1, pairs)]
    found, apart = left(Outlook(both, shadow)), left(Outlook(both, TERMS))

    assert found is not None
    assert apart is not None
    assert found + 500 < (apart + 1500) / 3
    assert found + 500 == planning.planned(Aim(0.05, (0.11 - 1e-4) * 500 / 499 / 4)).watched


@pytest.mark.parametrize("code", [Code.WINNER, Code.FUTILE])
def test_what_is_decided_needs_no_more(code: Code) -> None:
    assert left(Outlook(arms(300, 200), TERMS, maximum=1000), code) == 0


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (Outlook(arms(300, 200), TERMS, maximum=1000), Code.UNHEALTHY),
        (Outlook(arms(300, 200), TERMS), Code.LABELS_UNEVEN),
        (Outlook(arms(0, 0), TERMS), Code.NO_DATA),
        (Outlook(arms(40, 40), TERMS), Code.COLLECTING),
        (Outlook(arms(300, 200, right=1.0), TERMS), Code.TOO_EARLY),
        (Outlook(arms(300, 200), replace(TERMS, mode=Mode.BANDIT)), Code.TOO_EARLY),
        (Outlook(arms(300, 20), replace(TERMS, mode=Mode.SHADOW)), Code.COLLECTING),
        (Outlook(arms(300, 200), replace(TERMS, difference=1e-9)), Code.TOO_EARLY),
    ],
)
def test_where_nothing_can_be_said_nothing_is(found: Outlook, code: Code) -> None:
    assert left(found, code) is None


# -- days ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "gained", "in_days", "expected"),
    [
        (100.0, 50.0, 2.0, 4.0),
        (1000.0, 3.0, 1.0, 333.0),
        (0.0, 0.0, 0.0, 0.0),
        (100.0, 0.0, 2.0, None),
        (100.0, -5.0, 2.0, None),
        (100.0, 5.0, 0.0, None),
        (None, 5.0, 1.0, None),
    ],
)
def test_days_follow_from_what_came_lately(
    missing: float | None, gained: float, in_days: float, expected: float | None
) -> None:
    assert outlook.days(missing, gained, in_days) == expected
