"""What a comparison on the same inputs has shown, where each input is put to both arms.

Inputs that both score alike say nothing about which is better, and drop out: so it takes a quarter
of the labels that two separate arms would need. Sources:

* McNemar, Psychometrika 12 (1947): of two classifiers only the discordant answers count.
* Robbins, Ann. Math. Statist. 41 (1970); Howard et al., Ann. Statist. 49 (2021), arXiv 1810.08240,
  prop. 7: the beta-binomial mixture, by which the exact test may be looked at all the time.
* Waudby-Smith et al., arXiv 2103.06476v7, eq. 9: how large the difference is, and
  whether there is one where scores are no counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from inference.core.evidence import (
    MIN_LABELLED,
    Evidence,
    half_width,
    log_e_binomial,
    log_e_mean,
    log_threshold,
    p_value,
)
from inference.core.metrics import Measure, Metric, measured
from inference.core.tally import NOTHING, Moments, Tally

CONCENTRATION: Final = 20.0  # the mixture is Beta(10, 10), fixed before any test begins
_HAIR: Final = 1e-9  # as near to zero as an interval comes that leaves it out, or does not
# Pairs with the largest gap there can be, one in either direction: before the first rare and large
# loss was seen, the variance that the pairs show is too small, and the sequence would trust it.
_PSEUDO: Final = 1.0


def compare(challenger: Tally, measure: Measure, alpha: float, horizon: float) -> Evidence | None:
    """What the pairs of a challenger and the control show; None below `MIN_LABELLED` of them.

    None as well if no pair differs from another, where scores are no counts.
    """
    if challenger.labelled < MIN_LABELLED:
        return None
    found = _of_gaps(challenger, measure, alpha, horizon)
    if found is not None and measure.metric is Metric.CORRECTNESS:
        return _exact(found, challenger)
    return found


def _of_gaps(pairs: Tally, measure: Measure, alpha: float, horizon: float) -> Evidence | None:
    n, mean, variance = _moments(pairs, measure)
    if not variance > 0.0:
        return None
    radius = half_width(variance / n, n, alpha, horizon)
    log_e = log_e_mean(mean, variance / n, n, alpha, horizon)
    interval = (mean - radius, mean + radius)
    difference = pairs.gap / pairs.labelled
    return Evidence(difference, interval, log_e, log_threshold(alpha), p_value(log_e))


def _exact(found: Evidence, pairs: Tally) -> Evidence:
    """Of two classifiers: does it fall evenly on either side which one is right alone?

    That decides, at any count, and so whether zero is in the interval; how far it reaches beyond is
    told by the gaps, as for any score.
    """
    log_e = log_e_binomial(pairs.ahead, pairs.behind, 0.5, CONCENTRATION)
    low, high = found.interval
    if log_e < found.threshold:
        interval = (min(low, -_HAIR), max(high, _HAIR))
    elif pairs.ahead > pairs.behind:
        interval = (max(low, _HAIR), high)
    else:
        interval = (low, min(high, -_HAIR))
    return replace(found, interval=interval, log_e=log_e, p_value=p_value(log_e))


def counterpart(control: Tally, challenger: Tally, measure: Measure) -> Tally:
    """The control's tally with the labels of only those inputs that the challenger scored too."""
    total, n = measure.total(challenger) - challenger.gap, challenger.labelled
    known = replace(NOTHING, exposures=control.exposures, errors=control.errors, labelled=n)
    if measure.metric is Metric.CORRECTNESS:
        return replace(known, correct=round(total))
    if measure.metric is Metric.ABSOLUTE_ERROR:
        return replace(known, absolute_error=-total)
    return replace(known, total=total)


def _moments(pairs: Tally, measure: Measure) -> Moments:
    if measure.bounds is None:
        return measured(float(pairs.labelled), pairs.gap, pairs.gap_squares)
    low, high = measure.bounds
    n = pairs.labelled + 2.0 * _PSEUDO
    mean = pairs.gap / n
    spread = (pairs.gap_squares + 2.0 * _PSEUDO * (high - low) ** 2) / n
    return Moments(n, mean, spread - mean * mean)
