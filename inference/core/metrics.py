"""What a label says about a prediction, as one number of which more is better."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """By what the arms of a test are compared; one for a test, fixed before it starts."""

    CORRECTNESS = "correctness"  # the label is the predicted one
    REWARD = "reward"  # the label is a number, and more of it is better
    BRIER = "brier"  # squared error of the probabilities (Brier 1950)
    LOG_LOSS = "log_loss"  # minus the log of the probability that the truth was given
    ABSOLUTE_ERROR = "absolute_error"
    SQUARED_ERROR = "squared_error"
