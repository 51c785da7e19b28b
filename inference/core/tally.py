"""What has been counted for one arm: values that add up across workers and take back a label."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple


class Moments(NamedTuple):
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
    the exposures, each counted when it came first; a request without a subject is a unit. `total`
    and `squares` are the sums of the scores and of their squares, where the metric is none of
    those (see `metrics.Measure`). Where each input is put to both arms, `ahead` and `behind` are
    the inputs that this one scored higher or lower on than the control, `gap` and `gap_squares` the
    sums of its score less the control's and of the square of that. For canaries
    only: `slow` are the predictions that took longer than is allowed, `failing` and `lagging` the
    units that ever had an error, or a slow one.
    """

    exposures: int = 0
    errors: int = 0
    labelled: int = 0
    correct: int = 0
    absolute_error: float = 0.0
    squared_error: float = 0.0
    subjects: int = 0
    total: float = 0.0
    squares: float = 0.0
    ahead: int = 0
    behind: int = 0
    gap: float = 0.0
    gap_squares: float = 0.0
    slow: int = 0
    failing: int = 0
    lagging: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*[getattr(self, name) + getattr(other, name) for name in NAMES])

    def __neg__(self) -> Tally:
        return Tally(*[-getattr(self, name) for name in NAMES])

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


NAMES: Final = tuple(field.name for field in fields(Tally))
NOTHING: Final = Tally()
