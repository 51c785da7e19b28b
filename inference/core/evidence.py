"""How strong the evidence of a difference is, however often it is looked at.

An e-value is a bet against "there is no difference": under it, the chance that it ever reaches
1/alpha is at most alpha (Ville 1939), so one may look after every prediction and stop at will. A
confidence sequence is its other face, the differences against which no such bet has won. Sources:

* Robbins, Ann. Math. Statist. 41 (1970): mixtures as bets.
* Howard, Ramdas, McAuliffe, Sekhon, Ann. Statist. 49 (2021), arXiv 1810.08240: prop. 5 to 7.
* Lindon, Malek, NeurIPS 2022, arXiv 2011.03567: counts of a randomised experiment.
* Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, arXiv 2103.06476v7, eq. 9, 155 and 161 (Ann.
  Statist. 52, 2024): confidence sequences for means.
* Agresti, Caffo, Am. Statist. 54 (2000): adding successes and failures to compare two shares.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, inf, isfinite, lgamma, log, log1p, sqrt

from inference.core.metrics import Measure
from inference.core.tally import Moments, Tally

# Below this, an estimated variance is not to be trusted, and the sequence rests on it.
MIN_LABELLED = 100
_PSEUDO = 2.0  # scores at either limit that are added to each arm; see `compare`

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a comparison of two arms has shown so far.

    `difference` is the challenger's score less the control's: above zero the challenger is better.
    `interval` covers the true difference at all looks together. It leaves zero out exactly when
    `log_e` reaches `threshold`. `p_value` may be read at any look.
    """

    difference: float
    interval: Interval
    log_e: float
    threshold: float
    p_value: float

    @property
    def conclusive(self) -> bool:
        return self.log_e >= self.threshold


def log_e_binomial(k1: int, k2: int, p0: float, concentration: float = 20.0) -> float:
    """Log e-value against "an event falls to the first side with probability p0".

    Exact at any count. Beta-binomial mixture with prior Beta(c p0, c (1 - p0)) (Howard et al. 2021,
    prop. 7; Lindon and Malek 2022):

        log B(c p0 + k1, c (1 - p0) + k2) - log B(c p0, c (1 - p0)) - k1 log p0 - k2 log(1 - p0)

    For arms drawn with fixed weights: k1 and k2 are the mistakes of challenger and control, p0 the
    challenger's share of the traffic; valid if labels reach both arms alike. The concentration is
    fixed before the experiment: 20 was best between 1 and 100 for accuracies from 80 to 95 %.
    """
    a, b = concentration * p0, concentration * (1.0 - p0)
    return _log_beta(a + k1, b + k2) - _log_beta(a, b) - k1 * log(p0) - k2 * log1p(-p0)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def log_threshold(alpha: float) -> float:
    """What a log e-value must reach to decide at level alpha (Ville 1939)."""
    return -log(alpha)


def p_value(log_e: float) -> float:
    """The p-value that holds at any look: min(1, 1 / E)."""
    return exp(min(0.0, -log_e))


def mixture_variance(alpha: float, horizon: float) -> float:
    """Rho squared, which makes the sequence narrowest at `horizon` values (2103.06476v7, eq. 161).

    rho^2 = (-2 ln alpha + ln(1 - 2 ln alpha)) / N*. Fixed before the experiment.
    """
    return (-2.0 * log(alpha) + log(1.0 - 2.0 * log(alpha))) / horizon


def half_width(variance: float, n: float, alpha: float, horizon: float) -> float:
    """Half of the sequence's width after n values (2103.06476v7, eq. 9).

    `variance` is that of the estimate, se squared:

    se sqrt(n) sqrt(2 (n rho^2 + 1) / (n^2 rho^2) ln(sqrt(n rho^2 + 1) / alpha))
    """
    information = n * mixture_variance(alpha, horizon)
    return sqrt(
        2.0 * variance * (information + 1.0) / information * log(sqrt(information + 1.0) / alpha)
    )


def log_e_mean(difference: float, variance: float, n: float, alpha: float, horizon: float) -> float:
    """Log e-value against "the difference is zero", as n grows (2103.06476v7, eq. 155).

    rho^2 (d^2 n / se^2) / (2 (n rho^2 + 1)) - ln(n rho^2 + 1) / 2; `variance` is se squared.
    """
    information = n * mixture_variance(alpha, horizon)
    z_squared = difference * difference / variance
    return z_squared * information / (2.0 * (information + 1.0)) - log1p(information) / 2.0


def sequence(
    control: Moments, challenger: Moments, alpha: float, horizon: float
) -> Evidence | None:
    """Difference of the means of two independent arms; None if no value differs from another."""
    difference = challenger.mean - control.mean
    variance = control.variance / control.n + challenger.variance / challenger.n
    if not (variance > 0.0 and isfinite(variance) and isfinite(difference * difference)):
        return None
    n = control.n + challenger.n
    radius = half_width(variance, n, alpha, horizon)
    log_e = log_e_mean(difference, variance, n, alpha, horizon)
    interval = (difference - radius, difference + radius)
    return Evidence(difference, interval, log_e, log_threshold(alpha), p_value(log_e))


def compare(
    control: Tally, challenger: Tally, measure: Measure, alpha: float, horizon: float
) -> Evidence | None:
    """What the labels of two arms show; None below `MIN_LABELLED` labels in either.

    Two scores at either limit are added to each arm, of an accuracy two right and two wrong
    answers. Without them the sequence trusts the variance that a small arm estimates from hardly a
    mistake: at an accuracy of 0.99 and with a tenth of the traffic, 30 % of A/A tests found a
    winner; with them at most 3 % at any accuracy and any split down to 2 %. After Agresti and
    Caffo, who add one of each for an interval of 1.96 standard errors; this one is 3 to 4 wide.
    """
    if min(control.labelled, challenger.labelled) < MIN_LABELLED:
        return None
    before, after = measure.moments(control, _PSEUDO), measure.moments(challenger, _PSEUDO)
    evidence = sequence(before, after, alpha, horizon)
    if evidence is None:
        return None
    # The smoothing belongs to the interval; what is shown as the difference is what was counted.
    n, m = control.labelled, challenger.labelled
    counted = measure.total(challenger) / m - measure.total(control) / n
    return replace(evidence, difference=counted)


def alone(tally: Tally, measure: Measure, alpha: float, horizon: float) -> Interval | None:
    """Covers the true mean score of one arm, at all looks together; None below `MIN_LABELLED`."""
    if tally.labelled < MIN_LABELLED:
        return None
    n, mean, variance = measure.moments(tally, _PSEUDO)
    radius = half_width(variance / n, n, alpha, horizon)
    low, high = measure.bounds or (-inf, inf)
    return max(low, mean - radius), min(high, mean + radius)
