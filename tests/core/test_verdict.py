from __future__ import annotations

from dataclasses import replace

import pytest

from inference.core.experiment import Arm, Mode, Terms
from inference.core.metrics import Measure, Metric
from inference.core.tally import Tally
from inference.core.verdict import Code, judge

ERRORS = Measure(Metric.ABSOLUTE_ERROR)

TERMS = Terms()


def arm(name: str, labelled: int = 0, correct: int = 0, *, waiting: int = 0) -> Arm:
    return Arm(name, 1, Tally(labelled + waiting, 0, labelled, correct))


def test_without_predictions_there_is_no_data() -> None:
    verdict = judge([arm("forest"), arm("trees")], TERMS)

    assert verdict.code == Code.NO_DATA
    assert verdict.evidence is None
    assert verdict.winner is None


@pytest.mark.parametrize(
    "arms",
    [
        [arm("forest", waiting=50), arm("trees", waiting=50)],
        [arm("forest", 99, 90), arm("trees", 5000, 10)],
        [arm("forest", 5000, 4000), arm("trees")],
    ],
)
def test_below_a_hundred_labels_in_an_arm_it_is_collecting(arms: list[Arm]) -> None:
    verdict = judge(arms, TERMS)

    assert verdict.code == Code.COLLECTING
    assert verdict.evidence is None
    assert verdict.winner is None


def test_a_small_lead_is_too_early_to_call() -> None:
    verdict = judge([arm("forest", 1200, 1000), arm("trees", 1200, 1010)], TERMS)

    assert verdict.code == Code.TOO_EARLY
    assert verdict.winner is None
    assert verdict.evidence is not None
    assert verdict.evidence.difference == pytest.approx(10 / 1200)
    assert "trees is ahead of forest" in verdict.sentence


@pytest.mark.parametrize(
    ("control", "challenger", "winner", "name"),
    [(3500, 3700, 1, "trees"), (3700, 3500, 0, "forest")],
)
def test_a_large_lead_has_a_winner(control: int, challenger: int, winner: int, name: str) -> None:
    verdict = judge([arm("forest", 4200, control), arm("trees", 4200, challenger)], TERMS)

    assert verdict.code == Code.WINNER
    assert verdict.winner == winner
    assert verdict.evidence is not None
    assert verdict.evidence.conclusive
    assert verdict.sentence.startswith(f"Winner: {name} is better than")


def test_of_a_regression_the_smaller_error_wins() -> None:
    far = Arm("far", 1, Tally(500, 0, 500, 0, 500 * 48.0, 500 * (48.0**2 + 900.0)))
    near = Arm("near", 1, Tally(500, 0, 500, 0, 500 * 36.0, 500 * (36.0**2 + 900.0)))

    assert judge([far, near], Terms(ERRORS)).winner == 1
    assert judge([near, far], Terms(ERRORS)).winner == 0


def test_errors_all_alike_are_too_early_to_call() -> None:
    alike = Arm("alike", 1, Tally(500, 0, 500, 0, 500.0, 500.0))

    verdict = judge([alike, alike], Terms(ERRORS))

    assert verdict.code == Code.TOO_EARLY
    assert verdict.evidence is None
    assert verdict.comparisons[0].mistakes_log_e is None


def test_of_several_challengers_that_won_the_best_is_named() -> None:
    arms = [arm("forest", 4000, 3200), arm("trees", 4000, 3500), arm("boost", 4000, 3600)]

    verdict = judge(arms, TERMS)

    assert verdict.winner == 2
    assert verdict.evidence == verdict.comparisons[1].evidence


def test_a_control_wins_only_once_it_beat_them_all() -> None:
    forest, worse, close = arm("forest", 4000, 3600), arm("a", 4000, 3200), arm("b", 4000, 3590)

    assert judge([forest, worse, worse], TERMS).winner == 0
    verdict = judge([forest, worse, close], TERMS)
    assert verdict.code == Code.TOO_EARLY
    assert "than forest" in verdict.sentence
    assert "b is at most" in verdict.sentence


def test_a_beaten_arm_does_not_end_a_test_whose_other_arm_has_no_labels() -> None:
    arms = [arm("forest", 4000, 3600), arm("trees", 4000, 3200), arm("boost", 10, 9)]

    verdict = judge(arms, TERMS)

    assert verdict.code == Code.COLLECTING
    assert verdict.comparisons[0].evidence is not None
    assert verdict.comparisons[1].evidence is None


def test_a_challenger_may_win_while_another_still_collects() -> None:
    arms = [arm("forest", 4000, 3200), arm("trees", 10, 9), arm("boost", 4000, 3600)]

    assert judge(arms, TERMS).winner == 2


def test_more_challengers_need_more_evidence() -> None:
    pair = [arm("forest", 4000, 3330), arm("trees", 4000, 3435)]

    assert judge(pair, TERMS).winner == 1
    assert judge([*pair, *([arm("other", 4000, 3330)] * 8)], TERMS).winner is None


def test_the_second_opinion_knows_how_the_traffic_was_split() -> None:
    control = Arm("forest", 9, Tally(9000, 0, 9000, 8100))
    challenger = Arm("trees", 1, Tally(1000, 0, 1000, 900))

    (comparison,) = judge([control, challenger], TERMS).comparisons

    # A hundred mistakes of a thousand where a tenth of the traffic goes: nothing odd.
    assert comparison.mistakes_log_e is not None
    assert comparison.mistakes_log_e < 0


def dealt(name: str, subjects: int, labelled: int, correct: int) -> Arm:
    return Arm(name, 1, Tally(subjects, 0, labelled, correct, subjects=subjects))


def test_a_test_with_another_split_has_no_winner() -> None:
    verdict = judge([dealt("forest", 9600, 4800, 3800), dealt("trees", 10400, 4900, 4500)], TERMS)

    assert (verdict.code, verdict.winner) == (Code.UNHEALTHY, None)
    assert verdict.evidence is not None
    assert verdict.evidence.conclusive  # and still
    assert "forest got 48.0% of the units instead of 50.0%" in verdict.sentence
    assert verdict.health.misdealt


def test_a_test_with_labels_for_one_arm_only_has_no_winner() -> None:
    verdict = judge([dealt("forest", 9990, 4800, 3800), dealt("trees", 10010, 2400, 2200)], TERMS)

    assert (verdict.code, verdict.winner) == (Code.LABELS_UNEVEN, None)
    assert "48.0% of forest's units and 24.0% of trees's units have one" in verdict.sentence


def test_an_arm_that_nobody_can_get_has_no_second_opinion() -> None:
    arms = [replace(arm("a", 200, 150), chance=1.0), replace(arm("b"), chance=0.0)]

    assert judge(arms, TERMS).comparisons[0].mistakes_log_e is None


def test_a_healthy_test_has_one() -> None:
    verdict = judge([dealt("forest", 9990, 4800, 3800), dealt("trees", 10010, 4810, 4500)], TERMS)

    assert (verdict.code, verdict.winner) == (Code.WINNER, 1)
    assert verdict.health.fine


@pytest.mark.parametrize(
    ("difference", "code"), [(None, Code.TOO_EARLY), (0.005, Code.TOO_EARLY), (0.05, Code.FUTILE)]
)
def test_it_may_stop_when_nothing_that_would_matter_is_possible(
    difference: float | None, code: Code
) -> None:
    terms = Terms(difference=difference)
    verdict = judge([arm("forest", 8000, 7200), arm("trees", 8000, 7205)], terms)

    assert (verdict.code, verdict.winner) == (code, None)
    if code is Code.FUTILE:
        assert verdict.sentence.startswith(
            "No difference larger than 5 percentage points between trees and forest, with 95% conf"
        )


def test_a_winner_is_named_even_if_he_wins_by_less_than_matters() -> None:
    arms = [arm("forest", 42000, 35000), arm("trees", 42000, 37000)]

    assert judge(arms, Terms(difference=0.5)).code is Code.WINNER


def test_all_challengers_must_be_as_good_as_equal() -> None:
    arms = [arm("a", 8000, 7200), arm("b", 8000, 7205), arm("c", 50, 45)]

    assert judge(arms, Terms(difference=0.5)).code is not Code.FUTILE


def test_a_bandit_concludes_nothing() -> None:
    arms = [arm("a", 900, 400), replace(arm("b", 900, 800), weight=3)]

    found = judge(arms, Terms(mode=Mode.BANDIT))

    dealt = [replace(each, chance=0.5) for each in arms]
    assert found.code is Code.ADAPTING
    assert (found.winner, found.evidence, found.comparisons) == (None, None, ())
    assert found.sentence.startswith("Adapting: a gets 25.0% and b gets 75.0% of the units that")
    assert judge(dealt, Terms(mode=Mode.BANDIT)).sentence.startswith("Adapting: a gets 50.0%")
