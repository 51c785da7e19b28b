"""What is said in each case, word for word."""

from __future__ import annotations

import pytest

from inference.core import sentences
from inference.core.evidence import Evidence
from inference.core.experiment import Arm, Mode, Terms
from inference.core.metrics import Measure, Metric
from inference.core.sentences import Pair
from inference.core.tally import Tally

SHARES, ERRORS = Terms(), Terms(Measure(Metric.ABSOLUTE_ERROR))


def arm(name: str, labelled: int = 0, correct: int = 0, failed: int = 0) -> Arm:
    return Arm(name, 1, Tally(labelled + failed, failed, labelled, correct))


def off(name: str, labelled: int, mean: float) -> Arm:
    return Arm(name, 1, Tally(labelled, 0, labelled, 0, mean * labelled))


def evidence(difference: float, low: float, high: float) -> Evidence:
    return Evidence(difference, (low, high), 0.0, 3.0, 1.0)


FOREST, TREES = arm("forest", 1200, 1000), arm("trees", 1200, 1010)


def test_before_any_traffic() -> None:
    assert sentences.no_data() == (
        "No predictions yet. Requests to this endpoint will be shared between the arms "
        "as they arrive."
    )


def test_before_any_label() -> None:
    waiting = [Arm("forest", 1, Tally(exposures=1000)), Arm("trees", 1, Tally(exposures=234))]

    assert sentences.collecting(waiting, 100) == (
        "No labels yet: 1,234 predictions were made, and without feedback on them "
        "nothing can be said about which arm is better."
    )


def test_in_the_shadow_an_input_is_counted_once() -> None:
    waiting = [Arm("forest", 1, Tally(exposures=21)), Arm("trees", 1, Tally(exposures=20))]

    said = sentences.collecting(waiting, 100, Mode.SHADOW)

    assert said.startswith("No labels yet: 21 predictions were made")


def test_with_too_few_labels() -> None:
    arms = [arm("forest", 1250), arm("trees", 34), arm("rules", 0)]

    assert sentences.collecting(arms, 100) == (
        "Collecting labels: forest has 1,250, trees has 34 and rules has 0; "
        "a comparison starts at 100 for each arm. Nothing can be concluded yet."
    )


def test_with_nothing_to_tell_chance_by() -> None:
    assert sentences.no_spread().startswith(
        "Too early to say: all labels so far show the very same"
    )


def test_a_lead_that_may_be_chance() -> None:
    pair = Pair(1, FOREST, TREES, evidence(0.00833, -0.0383, 0.0549))

    assert sentences.too_early(pair, [FOREST, TREES], SHARES) == (
        "Too early to say: trees is ahead of forest (right 84.2% of the time against 83.3%), "
        "but that may still be chance. So far it is safe to say only that trees is at most "
        "3.8 percentage points worse and 5.5 better than forest. "
        "Looking does no harm; keep the labels coming."
    )


def test_a_control_that_leads_by_chance() -> None:
    pair = Pair(1, TREES, FOREST, evidence(-0.00833, -0.0549, 0.0383))

    said = sentences.too_early(pair, [TREES, FOREST], SHARES)

    assert said.startswith("Too early to say: trees is ahead of forest (right 84.2%")
    assert "safe to say only that forest is at most 5.5 percentage points worse and 3.8" in said


def test_a_level_test_that_has_all_the_labels_it_planned_for() -> None:
    control, challenger = arm("forest", 4200, 3700), arm("trees", 4200, 3700)
    pair = Pair(1, control, challenger, evidence(0.0, -0.0216, 0.0216))

    assert sentences.too_early(pair, [control, challenger], SHARES) == (
        "Too early to say: forest and trees are level (right 88.1% of the time). "
        "So far it is safe to say only that trees is at most 2.2 percentage points worse "
        "and 2.2 better than forest. With 8,400 labels it is reasonable to stop without a winner, "
        "if gaps of that size do not matter to you."
    )


def test_a_challenger_that_won() -> None:
    control, challenger = arm("forest", 4200, 3500), arm("trees", 4200, 3700)
    pair = Pair(1, control, challenger, evidence(0.0476, 0.0243, 0.0708))

    assert sentences.winner(pair, [control, challenger], SHARES) == (
        "Winner: trees is better than forest, right 88.1% of the time against 83.3%. "
        "The true gap lies between 2.4 and 7.1 percentage points with 95% confidence, "
        "no matter how often anybody looked. It is safe to stop the test and go with trees."
    )


def test_a_control_that_won() -> None:
    control, challenger = arm("forest", 4200, 3700), arm("trees", 4200, 3500)
    pair = Pair(1, control, challenger, evidence(-0.0476, -0.0708, -0.0243))

    said = sentences.winner(pair, [control, challenger], SHARES)

    assert said.startswith("Winner: forest is better than trees, right 88.1% of the time")
    assert "between 2.4 and 7.1 percentage points" in said
    assert said.endswith("go with forest.")


def test_a_winner_that_failed_often_is_not_waved_through() -> None:
    control, challenger = arm("forest", 4200, 3500), arm("trees", 4200, 3700, failed=100)
    pair = Pair(1, control, challenger, evidence(0.0476, 0.0243, 0.0708))

    said = sentences.winner(pair, [control, challenger], SHARES)

    assert said.endswith(
        "It is safe to stop the test, but look at the failures of trees first. Not counted here, "
        "because failures have no label: trees failed on 2.3% of its predictions."
    )


def test_failures_are_told_before_there_is_a_winner_too() -> None:
    control = arm("forest", 1200, 1000, failed=300)
    challenger = arm("trees", 1200, 1010, failed=13)
    pair = Pair(1, control, challenger, evidence(0.00833, -0.0383, 0.0549))

    assert sentences.too_early(pair, [control, challenger], SHARES).endswith(
        "forest failed on 20.0% of its predictions and trees failed on 1.1% of its predictions."
    )


@pytest.mark.parametrize(
    ("difference", "end"),
    [
        (
            evidence(0.0476, 0.0243, 0.0708),
            "Each arm was compared with forest only, not with the others.",
        ),
        (evidence(-0.0476, -0.0708, -0.0243), "It beat every other arm."),
    ],
)
def test_of_many_arms_it_is_said_what_was_compared(difference: Evidence, end: str) -> None:
    arms = [arm("forest", 4200, 3500), arm("trees", 4200, 3700), arm("rules", 4200, 3000)]

    assert sentences.winner(Pair(1, arms[0], arms[1], difference), arms, SHARES).endswith(end)


def test_numbers_are_judged_by_how_far_off_they_are() -> None:
    control, challenger = off("ridge", 500, 47.9), off("forest", 500, 1234.5)
    lost = Pair(1, control, challenger, evidence(-1186.6, -2000.4, -5.34))
    open_ = Pair(1, control, challenger, evidence(-1186.6, -2000.4, 5.34))

    assert sentences.winner(lost, [control, challenger], ERRORS).startswith(
        "Winner: ridge is better than forest, off by 47.9 on average against 1,234. "
        "The true gap lies between 5.3 and 2,000 with 95% confidence"
    )
    assert "forest is at most 2,000 worse and 5.3 better than ridge" in sentences.too_early(
        open_, [control, challenger], ERRORS
    )


@pytest.mark.parametrize(
    ("correct", "said"),
    [(10_000, "100.0%"), (9_996, "99.96%"), (9_900, "99.0%"), (5_000, "50.0%"), (0, "0.0%")],
)
def test_shares_near_all_get_the_figures_that_tell_them_apart(correct: int, said: str) -> None:
    pair = Pair(1, FOREST, arm("trees", 10_000, correct), evidence(0.5, 0.1, 0.9))

    assert f"right {said} of" in sentences.winner(pair, [FOREST, pair.challenger], SHARES)


@pytest.mark.parametrize(
    ("low", "said"),
    [(0.0004, "between 0.04 and"), (0.0962, "between 9.6 and"), (0.123, "between 12.3 and")],
)
def test_a_small_gap_is_not_rounded_to_none(low: float, said: str) -> None:
    pair = Pair(1, FOREST, TREES, evidence(0.2, low, 0.5))

    assert said in sentences.winner(pair, [FOREST, TREES], SHARES)


def test_another_level_is_said_as_agreed() -> None:
    pair = Pair(1, FOREST, TREES, evidence(0.05, 0.02, 0.08))

    assert "with 99.5% confidence" in sentences.winner(pair, [FOREST, TREES], Terms(alpha=0.005))
