"""What has been counted for one arm: values that add up across workers and take back a label."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inference.core.schema import Task


@dataclass(frozen=True, slots=True)
class Moments:
    """How many values, their mean and the variance of one value."""

    n: float
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts and sums of one arm, or a change to them.

    `exposures` are all predictions of the arm, `errors` those of them that failed, `labelled` those
    whose truth is known, one for each subject. A classifier's labels count in `correct`, a
    regressor's in the sums of the absolute and the squared error. `subjects` are the units behind
    the exposures, each counted when it came first; a request without a subject is a unit.
    """

    exposures: int = 0
    errors: int = 0
    labelled: int = 0
    correct: int = 0
    absolute_error: float = 0.0
    squared_error: float = 0.0
    subjects: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.exposures + other.exposures,
            self.errors + other.errors,
            self.labelled + other.labelled,
            self.correct + other.correct,
            self.absolute_error + other.absolute_error,
            self.squared_error + other.squared_error,
            self.subjects + other.subjects,
        )

    def __neg__(self) -> Tally:
        return Tally(
            -self.exposures,
            -self.errors,
            -self.labelled,
            -self.correct,
            -self.absolute_error,
            -self.squared_error,
            -self.subjects,
        )

    def __sub__(self, other: Tally) -> Tally:
        return self + -other

    @property
    def wrong(self) -> int:
        """Labels of a classifier that it missed."""
        return self.labelled - self.correct

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled predictions that were right."""
        return self.correct / self.labelled if self.labelled else None

    @property
    def mean_absolute_error(self) -> float | None:
        """Of the labelled predictions of a regressor."""
        return self.absolute_error / self.labelled if self.labelled else None

    @property
    def failure_rate(self) -> float | None:
        """Share of all predictions that failed."""
        return self.errors / self.exposures if self.exposures else None

    def score(self, task: Task) -> float | None:
        """What an arm is judged by; more is better."""
        if task != "regression":
            return self.accuracy
        error = self.mean_absolute_error
        return None if error is None else -error


NOTHING = Tally()


def label_change(
    task: Task, response: str | None, old_feedback: str | None, new_feedback: str | None
) -> Tally:
    """What a tally must gain when the feedback of one prediction changes from old to new.

    The old label is taken back, so a corrected or repeated label leaves what a recount would find.
    Empty feedback is no label; neither is any feedback on a prediction that failed (`response` is
    None), nor on a number if it is not one itself.
    """
    return counted(task, response, new_feedback) - counted(task, response, old_feedback)


def counted(task: Task, response: str | None, feedback: str | None) -> Tally:
    """What one prediction adds to a tally for its label."""
    label = (feedback or "").strip()
    if response is None or not label:
        return NOTHING
    if task == "regression":
        return _measured(response, label)
    return Tally(labelled=1, correct=int(response.strip() == label))


def _measured(response: str, label: str) -> Tally:
    try:
        error = abs(float(label) - float(response))
    except ValueError:
        return NOTHING
    square = error * error
    # One overflowing label would turn the sums of its arm into infinity for good.
    if not math.isfinite(square):
        return NOTHING
    return Tally(labelled=1, absolute_error=error, squared_error=square)
