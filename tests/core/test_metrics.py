from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from inference.core.metrics import (
    CORRECTNESS,
    LEAST_PROBABILITY,
    Measure,
    Metric,
    Said,
    fits,
    usual,
)
from inference.core.tally import NOTHING, Tally

ERRORS = Measure(Metric.ABSOLUTE_ERROR)
BRIER, LOG_LOSS = Measure(Metric.BRIER), Measure(Metric.LOG_LOSS)
measures = st.sampled_from([CORRECTNESS, ERRORS])
words = st.none() | st.text(max_size=8) | st.integers().map(str) | st.floats().map(repr)


def change_of(measure: Measure, response: str | None, old: str | None, new: str | None) -> Tally:
    """What a tally gains when the feedback of a prediction changes from old to new."""
    said = None if response is None else Said(response)
    return measure.counted(said, new) - measure.counted(said, old)


@given(measures, words, words, words)
@settings(deadline=None)
def test_a_label_changed_and_changed_back_leaves_nothing(
    measure: Measure, response: str | None, old: str | None, new: str | None
) -> None:
    there = change_of(measure, response, old, new)
    back = change_of(measure, response, new, old)

    assert there + back == NOTHING


# Numbers whose errors have exact squares and sums.
answers = st.none() | st.sampled_from(["", "a", "b", "high", "nan"]) | st.integers(-99, 99).map(str)


@given(measures, answers, st.lists(answers, min_size=1, max_size=6))
@settings(deadline=None)
def test_many_corrections_leave_what_the_last_label_alone_would(
    measure: Measure, response: str | None, labels: list[str | None]
) -> None:
    changes = [
        change_of(measure, response, old, new)
        for old, new in zip([None, *labels], labels, strict=False)
    ]

    assert sum(changes, NOTHING) == change_of(measure, response, None, labels[-1])


@pytest.mark.parametrize(
    ("response", "old", "new", "change"),
    [
        (">50K", None, ">50K", Tally(labelled=1, correct=1)),
        (">50K", "", "<=50K", Tally(labelled=1)),
        (">50K", None, "  >50K\n", Tally(labelled=1, correct=1)),
        (">50K", "<=50K", ">50K", Tally(correct=1)),
        (">50K", ">50K", "<=50K", Tally(correct=-1)),
        (">50K", ">50K", "", Tally(labelled=-1, correct=-1)),
        (">50K", ">50K", " >50K", NOTHING),
        (">50K", None, " ", NOTHING),
        ("1", None, "1.0", Tally(labelled=1)),
        ("Zoë", None, "Zoë", Tally(labelled=1, correct=1)),
        (None, None, ">50K", NOTHING),
    ],
)
def test_a_class_counts_if_it_reads_the_same(
    response: str | None, old: str | None, new: str, change: Tally
) -> None:
    assert change_of(CORRECTNESS, response, old, new) == change


@pytest.mark.parametrize(
    ("response", "old", "new", "change"),
    [
        ("2.5", None, "4", Tally(labelled=1, absolute_error=1.5, squared_error=2.25)),
        ("2.5", None, " 2.5 ", Tally(labelled=1)),
        ("2.5", "4", "2", Tally(absolute_error=-1.0, squared_error=-2.0)),
        ("2.5", "4", "", Tally(labelled=-1, absolute_error=-1.5, squared_error=-2.25)),
        ("2.5", None, "high", NOTHING),
        ("2.5", None, "nan", NOTHING),
        ("2.5", None, "-inf", NOTHING),
        ("2.5", None, "1e200", NOTHING),
        ("error", None, "4", NOTHING),
        (None, None, "4", NOTHING),
    ],
)
def test_a_number_counts_by_how_far_off_it_was(
    response: str | None, old: str | None, new: str, change: Tally
) -> None:
    assert change_of(ERRORS, response, old, new) == change


def binary(p: float) -> Said:
    return Said("yes" if p > 0.5 else "no", f'{{"probability":{p!r},"label":"..."}}')


def many(chances: dict[str, float]) -> Said:
    best = max(chances, key=lambda name: chances[name])
    inside = ",".join(f'"{name}":{p!r}' for name, p in chances.items())
    return Said(best, f'{{"probability":{chances[best]!r},"probabilities":{{{inside}}}}}')


def test_the_brier_score_of_two_classes_is_scikit_learns() -> None:
    dice = np.random.default_rng(1)
    chances, truth = dice.random(200), dice.random(200) < 0.4
    pairs = zip(chances.tolist(), truth, strict=True)
    tallies = [BRIER.counted(binary(p), "yes" if true else "no") for p, true in pairs]
    tally = sum(tallies, NOTHING)

    assert BRIER.figure(tally) == pytest.approx(brier_score_loss(truth, chances))
    assert tally.correct == ((chances > 0.5) == truth).sum()
    assert BRIER.squares(tally) == pytest.approx((((chances - truth) ** 2) ** 2).sum())


def test_the_log_loss_is_scikit_learns() -> None:
    dice = np.random.default_rng(2)
    chances = dice.uniform(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY, 200)
    truth = dice.random(200) < chances
    pairs = zip(chances.tolist(), truth, strict=True)
    tallies = [LOG_LOSS.counted(binary(p), "yes" if true else "no") for p, true in pairs]

    assert LOG_LOSS.figure(sum(tallies, NOTHING)) == pytest.approx(log_loss(truth, chances))


def test_of_many_classes_the_probabilities_of_all_count() -> None:
    said = many({"a": 0.5, "b": 0.3, "c": 0.2})

    assert BRIER.counted(said, "b").total == pytest.approx(-0.5 * (0.25 + 0.49 + 0.04))
    assert LOG_LOSS.counted(said, "b").total == pytest.approx(math.log(0.3))
    assert BRIER.counted(said, "b").correct == 0
    assert BRIER.counted(said, "a").correct == 1


def test_what_was_ruled_out_costs_no_more_than_the_limit() -> None:
    surely = many({"a": 1.0, "b": 0.0})

    assert LOG_LOSS.counted(surely, "b").total == pytest.approx(math.log(LEAST_PROBABILITY))
    assert LOG_LOSS.counted(surely, "never heard of").total == LOG_LOSS.counted(surely, "b").total
    assert BRIER.counted(surely, "b").total == -1.0
    assert BRIER.bounds == (-1.0, 0.0)
    assert LOG_LOSS.bounds == pytest.approx((math.log(LEAST_PROBABILITY), 0.0))


def test_an_answer_without_probabilities_has_no_proper_score() -> None:
    assert BRIER.counted(Said("a", '{"outputs":[1]}'), "a") == NOTHING


@pytest.mark.parametrize(
    ("feedback", "score"),
    [("1", 1.0), ("0.25", 0.25), ("7", 2.0), ("-7", -1.0), ("no", None), ("nan", None), ("", None)],
)
def test_a_reward_is_what_the_feedback_says_within_its_limits(
    feedback: str, score: float | None
) -> None:
    tally = Measure(Metric.REWARD, -1.0, 2.0).counted(Said("a"), feedback)

    expected = NOTHING if score is None else Tally(labelled=1, total=score, squares=score * score)
    assert tally == expected


def test_errors_are_cut_off_where_it_was_said() -> None:
    squared = Measure(Metric.SQUARED_ERROR, high=3.0)

    assert squared.counted(Said("1"), "3") == Tally(
        labelled=1, absolute_error=2.0, squared_error=4.0, total=-4.0, squares=16.0
    )
    assert squared.counted(Said("1"), "100").total == -9.0
    assert squared.bounds == (-9.0, 0.0)
    assert Measure(Metric.ABSOLUTE_ERROR, high=3.0).bounds == (-3.0, 0.0)
    assert ERRORS.bounds is None


def test_a_pair_counts_by_the_gap_between_the_two() -> None:
    right, wrong = (CORRECTNESS.counted(Said("a"), label) for label in ("a", "b"))

    assert CORRECTNESS.paired(wrong, right) == Tally(
        labelled=1, correct=1, ahead=1, gap=1.0, gap_squares=1.0
    )
    assert CORRECTNESS.paired(right, wrong) == Tally(
        labelled=1, behind=1, gap=-1.0, gap_squares=1.0
    )
    assert CORRECTNESS.paired(right, right) == right
    assert CORRECTNESS.paired(NOTHING, right) == NOTHING
    assert CORRECTNESS.paired(right, NOTHING) == NOTHING


def test_a_loss_is_judged_below_zero_and_said_above() -> None:
    tally = Tally(labelled=4, absolute_error=2.0, squared_error=1.5)

    assert ERRORS.score(tally) == -0.5
    assert ERRORS.figure(tally) == 0.5
    assert ERRORS.name == "mean absolute error"
    assert ERRORS.score(NOTHING) is None
    assert ERRORS.figure(NOTHING) is None
    assert CORRECTNESS.figure(Tally(labelled=4, correct=3)) == 0.75


def test_each_task_has_metrics_that_go_with_it() -> None:
    assert (usual("binary"), usual("regression")) == (Metric.CORRECTNESS, Metric.ABSOLUTE_ERROR)
    assert [metric for metric in Metric if fits(metric, "regression")] == [
        Metric.REWARD,
        Metric.ABSOLUTE_ERROR,
        Metric.SQUARED_ERROR,
    ]
    assert [metric for metric in Metric if fits(metric, "multiclass")] == [
        Metric.CORRECTNESS,
        Metric.REWARD,
        Metric.BRIER,
        Metric.LOG_LOSS,
    ]
