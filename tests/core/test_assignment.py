from __future__ import annotations

import subprocess
import sys
from collections import Counter
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.core.assignment import choose_arm

# As PlanOut's tests: two-sided, one false alarm in a thousand.
Z = 3.29

weights = st.lists(st.integers(1, 10_000), min_size=2, max_size=10)
# Any text that JSON can carry, halves of surrogate pairs included.
units = st.text(st.characters())


def z_of(count: int, trials: int, share: float) -> float:
    return (count / trials - share) / sqrt(share * (1 - share) / trials)


@pytest.mark.parametrize(
    "weights", [[1, 1], [9, 1], [99, 1], [1, 1, 1], [50, 30, 15, 5], [1] * 10, [3, 7]]
)
@pytest.mark.parametrize("salt", ["one", "two", "3"])
def test_arms_get_their_share_of_the_traffic(weights: list[int], salt: str) -> None:
    trials = 20_000

    arms = Counter(choose_arm(salt, weights, f"subject-{n}") for n in range(trials))

    for arm, weight in enumerate(weights):
        assert abs(z_of(arms[arm], trials, weight / sum(weights))) < Z


def test_two_experiments_split_independently() -> None:
    trials = 20_000

    together = Counter(
        (choose_arm("first", [1, 1], str(n)), choose_arm("second", [1, 1], str(n)))
        for n in range(trials)
    )

    for pair in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        assert abs(z_of(together[pair], trials, 0.25)) < Z


@given(salt=units, weights=weights, unit=units)
@settings(deadline=None)
def test_any_unit_has_one_arm_and_keeps_it(salt: str, weights: list[int], unit: str) -> None:
    arm = choose_arm(salt, weights, unit)

    assert 0 <= arm < len(weights)
    assert choose_arm(salt, weights, unit) == arm


@pytest.mark.parametrize(
    ("unit", "arm"),
    [
        ("", 2),
        ("1", 1),
        ("alice@example.org", 1),
        ("Zoë", 1),
        ("张伟", 3),
        ("👩‍🔬", 3),
        ("\ud800", 3),
    ],
)
def test_a_unit_has_the_same_arm_in_every_release(unit: str, arm: int) -> None:
    assert choose_arm("salt", [1, 1, 1, 1], unit) == arm


def test_a_unit_has_the_same_arm_in_every_process() -> None:
    script = (
        "from inference.core.assignment import choose_arm;"
        "print([choose_arm('s', [1, 2, 3], str(n)) for n in range(50)])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == str([choose_arm("s", [1, 2, 3], str(n)) for n in range(50)])


def test_different_spellings_of_a_name_are_different_units() -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    salts = [str(n) for n in range(40)]

    arms = [
        (choose_arm(salt, [1, 1], composed), choose_arm(salt, [1, 1], decomposed)) for salt in salts
    ]

    assert any(one != other for one, other in arms)
