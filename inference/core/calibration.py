"""Whether a probability means what it says: of answers given with 0.8, four in five are right.

Source: Naeini, Cooper, Hauskrecht, AAAI (2015): the expected calibration error over bins of equal
width; Guo et al., ICML (2017), for the largest probability of any number of classes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose probability lies above `low` and up to `high`."""

    low: float
    high: float
    rows: int
    confidence: float  # what they say on average
    accuracy: float  # what of them is right

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def reliability(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], bins: int = BINS
) -> list[Bin]:
    """The bins that have answers in them, in order; `confidence` is of the label that was said."""
    edges = [at / bins for at in range(bins + 1)]
    where = np.clip(np.digitize(confidence, edges[1:-1], right=True), 0, bins - 1)
    return [
        Bin(
            edges[at],
            edges[at + 1],
            int(np.count_nonzero(inside)),
            float(confidence[inside].mean()),
            float(right[inside].mean()),
        )
        for at in range(bins)
        if (inside := where == at).any()
    ]


def expected_error(bins: list[Bin]) -> float:
    """How far accuracy is from confidence on average over the answers; 0 without any."""
    rows = sum(each.rows for each in bins)
    gaps = sum(each.rows * abs(each.accuracy - each.confidence) for each in bins)
    return gaps / rows if rows else 0.0
