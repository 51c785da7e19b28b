"""What a label says about a prediction, as one number of which more is better.

* Brier, Monthly Weather Review 78 (1950): the squared error of probabilities. Halved here, so that
  it lies between 0 and 1 for any number of classes; of two classes, (p - y)^2.
* Good, J. R. Statist. Soc. B 14 (1952): the logarithmic score.

Both are proper: nobody scores better by saying a probability that he does not believe.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from inference.core.schema import Task
from inference.core.tally import NOTHING, Moments, Tally

# A model that rules out what then happens would owe infinity, and no sequence could bound that.
LEAST_PROBABILITY: Final = 0.001


class Metric(StrEnum):
    """By what the arms of a test are compared; one for a test, fixed before it starts."""

    CORRECTNESS = "correctness"  # the label is the predicted one
    REWARD = "reward"  # the label is a number, and more of it is better
    BRIER = "brier"
    LOG_LOSS = "log_loss"
    ABSOLUTE_ERROR = "absolute_error"
    SQUARED_ERROR = "squared_error"


OF_CLASSES: Final = frozenset({Metric.CORRECTNESS, Metric.BRIER, Metric.LOG_LOSS})
OF_NUMBERS: Final = frozenset({Metric.ABSOLUTE_ERROR, Metric.SQUARED_ERROR})
OF_PROBABILITIES: Final = frozenset({Metric.BRIER, Metric.LOG_LOSS})


_FIGURES: Final = {
    Metric.CORRECTNESS: "accuracy",
    Metric.REWARD: "mean reward",
    Metric.BRIER: "Brier score",
    Metric.LOG_LOSS: "log loss",
    Metric.ABSOLUTE_ERROR: "mean absolute error",
    Metric.SQUARED_ERROR: "mean squared error",
}


def usual(task: Task) -> Metric:
    """What a test of such models is judged by if nobody says otherwise."""
    return Metric.ABSOLUTE_ERROR if task == "regression" else Metric.CORRECTNESS


def fits(metric: Metric, task: Task) -> bool:
    """Whether a model of this task can be judged by it; by a reward any can."""
    return metric not in (OF_CLASSES if task == "regression" else OF_NUMBERS)


class Said(NamedTuple):
    """A prediction as the log has it: the label, and the JSON object around it."""

    response: str
    full: str = "{}"


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric with the limits that were declared for it.

    A reward counts as `low` or `high` if it is beyond; an absolute error counts as `high` at most.
    Without limits nothing is cut off, and the sequence has to trust what it has seen.
    """

    metric: Metric = Metric.CORRECTNESS
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of one score; None if there are none."""
        if self.metric in (Metric.CORRECTNESS, Metric.REWARD):
            return _both(self.low, self.high) if self.metric is Metric.REWARD else (0.0, 1.0)
        worst = self._worst()
        return None if worst is None else (-worst, 0.0)

    def _worst(self) -> float | None:
        if self.metric is Metric.BRIER:
            return 1.0
        if self.metric is Metric.LOG_LOSS:
            return -math.log(LEAST_PROBABILITY)
        if self.high is None or self.metric is Metric.ABSOLUTE_ERROR:
            return self.high
        return self.high**2

    # -- one label ---------------------------------------------------------------------------------

    def counted(self, said: Said | None, feedback: str | None) -> Tally:
        """What one prediction adds to a tally for its label.

        Empty feedback is no label; neither is any feedback on a prediction that failed (`said` is
        None), nor what is no number where one is needed.
        """
        label = (feedback or "").strip()
        if said is None or not label:
            return NOTHING
        if self.metric in OF_NUMBERS:
            return self._missed(said.response, label)
        if self.metric is Metric.REWARD:
            reward = _number(label)
            return NOTHING if reward is None else _scored(NOTHING, self._limited(reward))
        known = Tally(labelled=1, correct=int(said.response.strip() == label))
        if self.metric is Metric.CORRECTNESS:
            return known
        loss = _loss(self.metric, said, label)
        return NOTHING if loss is None else _scored(known, -loss)

    def _missed(self, response: str, label: str) -> Tally:
        truth, guess = _number(label), _number(response)
        if truth is None or guess is None:
            return NOTHING
        error = self._limited(abs(truth - guess))
        square = error * error
        # One overflowing label would turn the sums of its arm into infinity for good.
        score = -error if self.metric is Metric.ABSOLUTE_ERROR else -square
        if not math.isfinite(score * score):
            return NOTHING
        known = Tally(labelled=1, absolute_error=error, squared_error=square)
        return known if self.metric is Metric.ABSOLUTE_ERROR else _scored(known, score)

    def _limited(self, value: float) -> float:
        low = -math.inf if self.low is None else self.low
        return max(low, min(value, math.inf if self.high is None else self.high))

    # -- many --------------------------------------------------------------------------------------

    def total(self, tally: Tally) -> float:
        """The sum of the scores."""
        if self.metric is Metric.CORRECTNESS:
            return tally.correct
        return -tally.absolute_error if self.metric is Metric.ABSOLUTE_ERROR else tally.total

    def squares(self, tally: Tally) -> float:
        """The sum of the squares of the scores."""
        if self.metric is Metric.CORRECTNESS:
            return tally.correct
        return tally.squared_error if self.metric is Metric.ABSOLUTE_ERROR else tally.squares

    def score(self, tally: Tally) -> float | None:
        """The mean, by which an arm is judged; None without a label."""
        return self.total(tally) / tally.labelled if tally.labelled else None

    def figure(self, tally: Tally) -> float | None:
        """The same as people say it: a loss is above zero, and less of it is better."""
        score = self.score(tally)
        gains = self.metric in (Metric.CORRECTNESS, Metric.REWARD)
        return score if gains or score is None else -score

    @property
    def name(self) -> str:
        """What the figure is called."""
        return _FIGURES[self.metric]

    def moments(self, tally: Tally, pseudo: float) -> Moments:
        """With so many scores at either limit added, if there are limits; from two labels on."""
        total, squares, n = self.total(tally), self.squares(tally), float(tally.labelled)
        if self.bounds is None:
            return measured(n, total, squares)
        low, high = self.bounds
        n += 2.0 * pseudo
        mean = (total + pseudo * (low + high)) / n
        spread = (squares + pseudo * (low * low + high * high)) / n - mean * mean
        return Moments(n, mean, max(0.0, spread))

    def paired(self, control: Tally, challenger: Tally) -> Tally:
        """What a challenger's tally gains for an input that both gave a score, of one label each.

        Without a score of both there is no pair.
        """
        if not (control.labelled and challenger.labelled):
            return NOTHING
        gap = self.total(challenger) - self.total(control)
        return challenger + Tally(
            ahead=int(gap > 0.0), behind=int(gap < 0.0), gap=gap, gap_squares=gap * gap
        )


CORRECTNESS: Final = Measure()


def measured(n: float, total: float, squares: float) -> Moments:
    """The moments of values of which the sums are known; from two on."""
    mean = total / n
    # The difference of two large sums may end up a hair below zero.
    return Moments(n, mean, max(0.0, squares / n - mean * mean) * n / (n - 1.0))


def _both(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _scored(known: Tally, score: float) -> Tally:
    return known + Tally(labelled=1 - known.labelled, total=score, squares=score * score)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _loss(metric: Metric, said: Said, label: str) -> float | None:
    """None for an answer without probabilities."""
    chances = _chances(said, label)
    if chances is None:
        return None
    of_truth = chances.get(label, 0.0)
    if metric is Metric.LOG_LOSS:
        return -math.log(max(LEAST_PROBABILITY, of_truth))
    others = sum(p * p for name, p in chances.items() if name != label)
    return 0.5 * ((1.0 - of_truth) ** 2 + others)


def _chances(said: Said, label: str) -> dict[str, float] | None:
    """By class. Of two classes, whatever is not the predicted one is the other."""
    answer: dict[str, Any] = json.loads(said.full)
    if isinstance(many := answer.get("probabilities"), dict):
        return many
    p = answer.get("probability")
    if not isinstance(p, int | float):
        return None
    of_response = max(p, 1.0 - p)
    other = "" if label == said.response else label
    return {said.response: of_response, other: 1.0 - of_response}
