"""Who answers: the one in production, the one asked for, or an arm of what runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from inference.core.assignment import subject_hash
from inference.core.errors import Ambiguous, NotServed
from inference.core.kept import Kept, pieces
from inference.core.routing import Algorithm, Arm, Endpoint, Experiment, Unit, Wanted
from inference.core.types import LogMode

FOREST = Algorithm(1, "forest", "0.0.1", "production")
TREES = Algorithm(2, "trees", "0.0.1", "testing")
OTHER = Algorithm(3, "other", "0.0.2", "testing")
QUIET = Endpoint(1, "income", LogMode.STRICT, (FOREST, TREES, OTHER))
ARMS = (
    Arm(10, replace(FOREST, status="ab_testing"), 1),
    Arm(11, replace(OTHER, status="ab_testing"), 3),
)
RUNNING = Endpoint(
    1,
    "income",
    LogMode.STRICT,
    (ARMS[0].algorithm, TREES, ARMS[1].algorithm),
    Experiment(5, "salt", ARMS),
)


@pytest.mark.parametrize(
    ("wanted", "algorithm"),
    [
        (Wanted(), 1),
        (Wanted(version="0.0.1"), 1),
        (Wanted(status="testing", version="0.0.2"), 3),
        (Wanted(algorithm=2), 2),
        (Wanted(status="testing", algorithm=1), 1),
    ],
)
def test_without_an_experiment_exactly_one_matches(wanted: Wanted, algorithm: int) -> None:
    found, arm = QUIET.route(wanted, Unit("anybody"))
    assert (found.id, arm) == (algorithm, None)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(version="9"),
        Wanted(status="staging"),
        Wanted(status="ab_testing"),
        Wanted(status="no such status"),
        Wanted(algorithm=99),
        Wanted(status="production", version="0.0.2"),
    ],
)
def test_nobody_matches(wanted: Wanted) -> None:
    with pytest.raises(NotServed, match="ML algorithm is not available"):
        QUIET.route(wanted, Unit("anybody"))


ALIASED = replace(QUIET, aliases={"champion": 1, "challenger": 3, "gone": 9})


@pytest.mark.parametrize(
    ("wanted", "algorithm"),
    [
        (Wanted(alias="champion"), 1),
        (Wanted(alias="challenger"), 3),
        (Wanted(alias="challenger", status="production", version="0.0.1"), 3),
        (Wanted(alias="challenger", algorithm=2), 2),
    ],
)
def test_an_alias_names_one_of_them(wanted: Wanted, algorithm: int) -> None:
    assert ALIASED.route(wanted, Unit("anybody")) == (ALIASED.algorithms[algorithm - 1], None)


@pytest.mark.parametrize("alias", ["gone", "nobody", ""])
def test_an_alias_of_nobody_who_serves_is_not_served(alias: str) -> None:
    with pytest.raises(NotServed):
        ALIASED.route(Wanted(alias=alias), Unit("anybody"))


def test_naming_an_alias_is_no_exposure() -> None:
    endpoint = replace(RUNNING, aliases={"champion": 1})
    assert endpoint.route(Wanted(alias="champion"), Unit("ann")) == (ARMS[0].algorithm, None)


def test_two_match() -> None:
    with pytest.raises(Ambiguous, match=r"Please specify algorithm version\."):
        QUIET.route(Wanted(status="testing"), Unit("anybody"))


@pytest.mark.parametrize("status", ["production", "ab_testing"])
def test_while_an_experiment_runs_its_arms_answer_by_weight(status: str) -> None:
    arms = [RUNNING.route(Wanted(status), Unit(f"subject {n}"))[1] for n in range(4000)]
    shares = Counter(arm.id for arm in arms if arm)
    assert shares.total() == 4000
    assert 850 < shares[10] < 1150


def test_a_subject_keeps_its_arm() -> None:
    assert len({RUNNING.route(Wanted(), Unit("ann"))[1] for _ in range(100)}) == 1


def test_another_salt_deals_anew() -> None:
    other = replace(RUNNING, experiment=Experiment(6, "pepper", ARMS))
    moved = [
        RUNNING.route(Wanted(), Unit(str(n))) != other.route(Wanted(), Unit(str(n)))
        for n in range(400)
    ]
    assert 80 < sum(moved) < 250


def test_naming_one_arms_version_reaches_it_without_being_an_exposure() -> None:
    found, arm = RUNNING.route(Wanted(version="0.0.2"), Unit("ann"))
    assert (found.id, arm) == (3, None)


def test_a_version_that_all_arms_share_is_still_the_experiment() -> None:
    same = tuple(replace(arm, algorithm=replace(arm.algorithm, version="1")) for arm in ARMS)
    endpoint = replace(RUNNING, experiment=Experiment(5, "salt", same))
    assert endpoint.route(Wanted(version="1"), Unit("ann"))[1] is not None


def test_naming_an_algorithm_is_no_exposure() -> None:
    assert RUNNING.route(Wanted(algorithm=1), Unit("ann")) == (ARMS[0].algorithm, None)


def test_a_version_outside_the_experiment_falls_back_to_the_status() -> None:
    with pytest.raises(NotServed):
        RUNNING.route(Wanted(version="7"), Unit("ann"))


def test_statuses_outside_the_experiment_are_served_as_before() -> None:
    assert RUNNING.route(Wanted(status="testing"), Unit("ann"))[0] == TREES


# -- coverage and phases ---------------------------------------------------------------------------


def covering(coverage: float, rest: Algorithm | None = None) -> Endpoint:
    return replace(RUNNING, experiment=Experiment(5, "salt", ARMS, coverage, rest=rest))


def test_the_share_that_takes_no_part_gets_what_was_there_and_no_arm() -> None:
    endpoint = covering(0.25, rest=TREES)

    routed = [endpoint.route(Wanted(), Unit(f"subject {n}")) for n in range(4000)]

    outside = [algorithm for algorithm, arm in routed if arm is None]
    assert 2850 < len(outside) < 3150
    assert set(outside) == {TREES}


def test_without_anything_there_before_the_control_answers() -> None:
    algorithm, arm = covering(0.0).route(Wanted(), Unit("ann"))

    assert (algorithm, arm) == (ARMS[0].algorithm, None)


def test_who_takes_no_part_and_names_the_arms_version_gets_that_version() -> None:
    same = tuple(replace(arm, algorithm=replace(arm.algorithm, version="1")) for arm in ARMS)
    endpoint = replace(RUNNING, experiment=Experiment(5, "salt", same, 0.0, rest=TREES))

    assert endpoint.route(Wanted(version="1"), Unit("ann")) == (same[0].algorithm, None)
    assert endpoint.route(Wanted(), Unit("ann")) == (TREES, None)


def test_raising_the_coverage_takes_in_more_and_moves_nobody() -> None:
    units = [Unit(f"subject {n}") for n in range(2000)]
    narrow, wide = covering(0.2), covering(0.6)

    before = [narrow.route(Wanted(), unit)[1] for unit in units]
    after = [wide.route(Wanted(), unit)[1] for unit in units]

    assert all(new == old for old, new in zip(before, after, strict=True) if old is not None)
    assert sum(arm is not None for arm in after) > 2 * sum(arm is not None for arm in before)


NEXT = tuple(replace(arm, id=arm.id + 10, weight=4 - arm.weight) for arm in ARMS)
SUBJECTS = [f"subject {n}" for n in range(1000)]


def second_phase(coverage: float = 1.0) -> tuple[Experiment, Experiment]:
    """One that had 500 subjects, and the same with its weights exchanged."""
    first = Experiment(5, "salt", ARMS)
    had = {name: first.assign(Unit(name)) for name in SUBJECTS[:500]}
    seen = [(subject_hash("salt", name), ARMS.index(arm) + 1) for name, arm in had.items() if arm]
    kept = Kept().followed_by(2, [list(pieces(seen))])
    return first, Experiment(5, "salt", NEXT, coverage, earlier=ARMS, kept=kept)


@pytest.mark.parametrize("coverage", [1.0, 0.01])
def test_subjects_of_an_earlier_phase_keep_their_arm_and_count_there(coverage: float) -> None:
    first, second = second_phase(coverage)

    for name in SUBJECTS[:500]:
        assert second.assign(Unit(name)) == first.assign(Unit(name))


def test_subjects_who_come_first_in_this_phase_are_dealt_by_its_weights() -> None:
    _, second = second_phase()

    shares = Counter(second.assign(Unit(name)) for name in SUBJECTS[500:])

    assert shares.keys() == set(NEXT)
    assert 330 < shares[NEXT[0]] < 420


def test_a_request_is_nobody_who_was_here_before_whatever_its_number() -> None:
    _, second = second_phase()

    assert {second.assign(Unit(name, lasting=False)) for name in SUBJECTS} == set(NEXT)


def test_two_processes_that_read_the_same_list_agree_on_everybody() -> None:
    (_, one), (_, other) = second_phase(), second_phase()

    assert [one.assign(Unit(n)) for n in SUBJECTS] == [other.assign(Unit(n)) for n in SUBJECTS]
