"""Who gets which arm: GrowthBook's published vectors, and what must hold for any weights.

The vectors are facts from `cases.json` of GrowthBook's JavaScript SDK (specification 0.5.4, which
all its SDKs are tested with): "hash", "getBucketRange", "chooseVariation", and the buckets that
"feature" and "stickyBucket" name for hash version 2.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.core.assignment import (
    BUCKETS,
    NOBODY,
    alike,
    bucket,
    bucket_of_subject,
    bucket_ranges,
    choose,
    deal,
    fnv1a,
    propensities,
    shares,
    subject_hash,
)

# As PlanOut's tests: two-sided, one false alarm in a thousand.
Z = 3.29

weights = st.lists(st.integers(1, 10_000), min_size=2, max_size=10).map(tuple)
coverages = st.floats(0.0, 1.0)
# Any text that JSON can carry, halves of surrogate pairs included.
units = st.text(st.characters())


def z_of(count: int, trials: int, share: float) -> float:
    return (count / trials - share) / sqrt(share * (1 - share) / trials)


# -- as published ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "hashed"),
    [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)],
)
def test_fnv1a_is_the_one_of_its_authors(data: bytes, hashed: int) -> None:
    """From the test suite of Fowler, Noll and Vo (also in draft-eastlake-fnv)."""
    assert fnv1a(data) == hashed


@pytest.mark.parametrize(
    ("seed", "value", "n"),
    [
        ("seed", "a", 0.0505),
        ("seed", "b", 0.2696),
        ("foo", "ab", 0.2575),
        ("foo", "def", 0.2019),
        ("89123klj", "8952klfjas09ujkasdf", 0.124),
        ("90850943850283058242805", "123", 0.7516),
        ("()**(%$##$%#$#", '___)((*":&', 0.0128),
        ("feature", "123", 0.5231),
        ("feature-exp", "d123", 0.6468),
        ("feature-exp", "i123", 0.9943),
    ],
)
def test_the_hash_is_growthbooks_version_2(seed: str, value: str, n: float) -> None:
    assert bucket(seed, value) / BUCKETS == n
    assert bucket_of_subject(seed, value) / BUCKETS == n


@pytest.mark.parametrize(
    ("given_shares", "coverage", "ranges"),
    [
        ([0.5, 0.5], 1.0, [(0, 0.5), (0.5, 1)]),
        ([0.5, 0.5], 0.5, [(0, 0.25), (0.5, 0.75)]),
        ([0.5, 0.5], 0.0, [(0, 0), (0.5, 0.5)]),
        ([0.25] * 4, 1.0, [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
        ([0.4, 0.6], 1.0, [(0, 0.4), (0.4, 1)]),
        ([0.2, 0.3, 0.5], 1.0, [(0, 0.2), (0.2, 0.5), (0.5, 1)]),
        ([0.2, 0.3, 0.5], 0.2, [(0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
        ([0.4, 0.5999], 1.0, [(0, 0.4), (0.4, 0.9999)]),
    ],
)
def test_ranges_are_growthbooks(
    given_shares: list[float], coverage: float, ranges: list[tuple[float, float]]
) -> None:
    found = bucket_ranges(given_shares, coverage)

    assert [pytest.approx(each) for each in ranges] == list(found)


@pytest.mark.parametrize(
    ("n", "ranges", "arm"),
    [
        (0.4, [(0, 0.5), (0.5, 1)], 0),
        (0.6, [(0, 0.5), (0.5, 1)], 1),
        (0.8, [(0, 0.5), (0.5, 1)], 1),
        (0.0, [(0, 0.5), (0.5, 1)], 0),
        (0.5, [(0, 0.5), (0.5, 1)], 1),
        (0.2, [(0, 0.25), (0.5, 0.75)], 0),
        (0.4, [(0, 0.25), (0.5, 0.75)], None),
        (0.6, [(0, 0.25), (0.5, 0.75)], 1),
        (0.8, [(0, 0.25), (0.5, 0.75)], None),
        (0.25, [(0, 0.25), (0.5, 0.75)], None),
        (0.5, [(0, 0.25), (0.5, 0.75)], 1),
        (0.5, [(0, 0.5), (0.5, 0.5), (0.5, 1)], 2),
    ],
)
def test_a_range_has_its_beginning_and_not_its_end(
    n: float, ranges: list[tuple[float, float]], arm: int | None
) -> None:
    assert choose(n, ranges) == arm


# -- for any weights -------------------------------------------------------------------------------


@given(weights=weights, coverage=coverages)
@settings(max_examples=30)
def test_the_deal_says_for_each_bucket_what_the_ranges_say(
    weights: tuple[int, ...], coverage: float
) -> None:
    ranges = bucket_ranges(shares(weights), coverage)

    chosen = [choose(at / BUCKETS, ranges) for at in range(BUCKETS)]

    assert [None if arm == NOBODY else arm for arm in deal(weights, coverage)] == chosen


@given(weights=weights)
def test_with_full_coverage_every_bucket_has_an_arm_and_arms_have_their_share(
    weights: tuple[int, ...],
) -> None:
    assert NOBODY not in deal(weights)
    for propensity, share in zip(propensities(weights), shares(weights), strict=True):
        assert abs(propensity - share) < 1.001 / BUCKETS


@given(weights=weights, coverages=st.lists(coverages, min_size=2, max_size=2).map(sorted))
def test_raising_the_coverage_moves_nobody(
    weights: tuple[int, ...], coverages: list[float]
) -> None:
    before, after = (deal(weights, each) for each in coverages)

    assert all(new == old for old, new in zip(before, after, strict=True) if old != NOBODY)


@pytest.mark.parametrize("coverage", [0.1, 0.25, 0.5, 0.9])
def test_coverage_is_the_share_that_takes_part(coverage: float) -> None:
    taking_part = BUCKETS - deal((3, 1), coverage).count(NOBODY)

    assert abs(taking_part / BUCKETS - coverage) <= 2 / BUCKETS
    assert propensities((3, 1), coverage) == pytest.approx((0.75, 0.25), abs=0.001)


def test_nobody_takes_part_without_coverage() -> None:
    assert propensities((1, 1), 0.0) == (0.0, 0.0)


def test_a_share_below_one_bucket_gets_nobody() -> None:
    assert propensities((1_000_000, 1)) == (1.0, 0.0)


@pytest.mark.parametrize(
    "weights", [(1, 1), (9, 1), (99, 1), (1, 1, 1), (50, 30, 15, 5), (1,) * 10]
)
@pytest.mark.parametrize("seed", ["one", "two", "3"])
def test_arms_get_their_share_of_the_traffic(weights: tuple[int, ...], seed: str) -> None:
    trials, dealt = 20_000, deal(weights)

    arms = Counter(dealt[bucket(seed, f"subject-{n}")] for n in range(trials))

    for arm, weight in enumerate(weights):
        assert abs(z_of(arms[arm], trials, weight / sum(weights))) < Z


def test_two_experiments_split_independently() -> None:
    trials, dealt = 20_000, deal((1, 1))

    together = Counter(
        (dealt[bucket("first", str(n))], dealt[bucket("second", str(n))]) for n in range(trials)
    )

    for pair in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        assert abs(z_of(together[pair], trials, 0.25)) < Z


# -- for any unit ----------------------------------------------------------------------------------


@given(seed=units, unit=units)
@settings(deadline=None)
def test_any_unit_has_a_bucket_and_keeps_it(seed: str, unit: str) -> None:
    found = bucket(seed, unit)

    assert 0 <= found < BUCKETS
    assert bucket(seed, unit) == bucket_of_subject(seed, unit) == found
    assert -(2**63) <= subject_hash(seed, unit) < 2**63


@pytest.mark.parametrize(
    ("unit", "found", "hashed"),
    [
        ("", 8352, 7319466437877235114),
        ("1", 8567, 3067451681299789113),
        ("alice@example.org", 59, -5545896124946283459),
        ("Zoë", 8030, -2538173332262302095),
        ("张伟", 4382, -7530071347729397505),
        ("👩‍🔬", 6516, 2856339755060547547),
        ("\ud800", 9811, 6514442647127600447),
    ],
)
def test_a_unit_has_the_same_bucket_in_every_release(unit: str, found: int, hashed: int) -> None:
    assert (bucket("salt", unit), subject_hash("salt", unit)) == (found, hashed)


def test_a_unit_has_the_same_bucket_in_every_process() -> None:
    script = (
        "from inference.core.assignment import bucket, subject_hash as h;"
        "print([(bucket('s', str(n)), h('s', str(n))) for n in range(50)])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    here = [(bucket("s", str(n)), subject_hash("s", str(n))) for n in range(50)]
    assert done.stdout.strip() == str(here)


def test_different_spellings_of_a_name_are_different_units() -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"

    buckets = [(bucket(str(n), composed), bucket(str(n), decomposed)) for n in range(40)]

    assert any(one != other for one, other in buckets)
    assert subject_hash("s", composed) != subject_hash("s", decomposed)


def test_hashes_of_subjects_spread_over_all_64_bits() -> None:
    hashes = sorted(subject_hash("s", str(n)) for n in range(20_000))

    assert all(one < other for one, other in pairwise(hashes))
    assert abs(z_of(sum(each < 0 for each in hashes), 20_000, 0.5)) < Z
    assert subject_hash("s", "1") != subject_hash("t", "1")


@pytest.mark.parametrize(
    ("weights", "before", "after", "same"),
    [
        ((1, 1), 0.01, 1.0, True),
        ((3, 1), 0.1, 0.5, True),  # 750 or 751 buckets: float numbers, and not to be seen
        ((9, 1), 0.1, 1.0, True),
        ((1, 1, 1), 0.001, 1.0, False),
        ((1, 1, 1), 0.01, 1.0, False),
        ((2, 1), 0.01, 1.0, False),
        ((1, 1_000_000), 0.001, 1.0, False),
    ],
)
def test_chances_are_alike_if_units_could_not_tell_them_apart(
    weights: tuple[int, ...], before: float, after: float, same: bool
) -> None:
    shares = [propensities(weights, coverage) for coverage in (before, after)]

    assert alike(*shares) is same
