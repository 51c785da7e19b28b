"""How a verdict is said to somebody who owns the product and not the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from inference.core.evidence import Evidence
from inference.core.experiment import Arm, Mode, Terms, chances
from inference.core.metrics import Metric

# Failed predictions have no label; from this share on, a sentence about labels must say so.
NOTABLE_FAILURES = 0.01
_SCORES: Final = {
    Metric.CORRECTNESS: "right {} of the time",
    Metric.REWARD: "a reward of {} on average",
    Metric.BRIER: "a Brier score of {}",
    Metric.LOG_LOSS: "a log loss of {}",
    Metric.ABSOLUTE_ERROR: "off by {} on average",
    Metric.SQUARED_ERROR: "a squared error of {} on average",
}


class Pair(NamedTuple):
    """The two arms that a sentence is about, and the challenger's index."""

    position: int
    control: Arm
    challenger: Arm
    evidence: Evidence


def no_data() -> str:
    return (
        "No predictions yet. Requests to this endpoint will be shared between the arms "
        "as they arrive."
    )


def collecting(arms: Sequence[Arm], needed: int, mode: Mode = Mode.SPLIT) -> str:
    """In the shadow all arms have seen the same inputs, which people count once."""
    if not any(arm.tally.labelled for arm in arms):
        asked = arms[:1] if mode is Mode.SHADOW else arms
        waiting = sum(arm.tally.exposures for arm in asked)
        return (
            f"No labels yet: {waiting:,} predictions were made, and without feedback on them "
            "nothing can be said about which arm is better."
        )
    counts = _listed([f"{arm.name} has {arm.tally.labelled:,}" for arm in arms])
    return (
        f"Collecting labels: {counts}; a comparison starts at {needed:,} for each arm. "
        "Nothing can be concluded yet."
    )


def adapting(arms: Sequence[Arm]) -> str:
    shares = [
        f"{arm.name} gets {_share(chance)}" for arm, chance in zip(arms, chances(arms), strict=True)
    ]
    return (
        f"Adapting: {_listed(shares)} of the units that come now, about the chance that each is "
        "the best. A bandit makes the most of what is known and proves nothing: no difference "
        "here is claimed to be significant, and nobody is promoted by evidence."
    )


def rolling_back(why: str) -> str:
    return f"Roll back now: {why}"


def no_spread() -> str:
    return (
        "Too early to say: all labels so far show the very same error, "
        "so there is nothing to tell a real difference from chance by."
    )


def misdealt(arms: Sequence[Arm]) -> str:
    units = sum(arm.tally.subjects for arm in arms)
    shares = [
        f"{arm.name} got {_share(arm.tally.subjects / units)} of the units instead of "
        f"{_share(chance)}"
        for arm, chance in zip(arms, chances(arms), strict=True)
    ]
    return (
        f"Unhealthy: traffic does not arrive as it was split. {_listed(shares)}, which is no "
        "chance. What keeps some away from an arm may also be what tells the arms apart, so "
        "nothing here can be trusted and nobody is promoted: find the cause and start a new test."
    )


def uneven(arms: Sequence[Arm]) -> str:
    shares = [
        f"{_share(arm.tally.labelled / max(1, arm.tally.subjects))} of {arm.name}'s units"
        for arm in arms
    ]
    return (
        f"Labels arrive unevenly: {_listed(shares)} have one, and that is no chance. An arm that "
        "is told only some of its mistakes looks better than it is, so nobody is promoted: find "
        "out why labels are missing."
    )


def futile(pairs: Sequence[Pair], terms: Terms) -> str:
    assert terms.difference is not None  # else no difference would be too small
    others = _listed([pair.challenger.name for pair in pairs])
    return (
        f"No difference larger than {_gap(terms.difference, terms)} between {others} and "
        f"{pairs[0].control.name}, with {100 * (1 - terms.alpha):g}% confidence, no matter how "
        "often anybody looked. It is safe to stop the test: what is left to find would not matter."
    )


def too_early(pair: Pair, arms: Sequence[Arm], terms: Terms) -> str:
    low, high = pair.evidence.interval
    limits = (
        f"So far it is safe to say only that {pair.challenger.name} is at most "
        f"{_gap(-low, terms)} worse and {_number(high, terms)} better than {pair.control.name}."
    )
    return _joined(_standing(pair, terms), limits, _patience(pair, terms), _failures(arms))


def winner(pair: Pair, arms: Sequence[Arm], terms: Terms) -> str:
    ahead, behind = _ranked(pair)
    low, high = sorted(abs(bound) for bound in pair.evidence.interval)
    claim = (
        f"Winner: {ahead.name} is better than {behind.name}, {_score(ahead, terms)} "
        f"against {_bare_score(behind, terms)}."
    )
    certainty = (
        f"The true gap lies between {_number(low, terms)} and {_gap(high, terms)} "
        f"with {100 * (1 - terms.alpha):g}% confidence, no matter how often anybody looked."
    )
    return _joined(claim, certainty, _advice(ahead), _scope(pair, ahead, arms), _failures(arms))


def _standing(pair: Pair, terms: Terms) -> str:
    ahead, behind = _ranked(pair)
    score = _score(ahead, terms)
    if pair.evidence.difference == 0:
        return f"Too early to say: {ahead.name} and {behind.name} are level ({score})."
    return (
        f"Too early to say: {ahead.name} is ahead of {behind.name} ({score} "
        f"against {_bare_score(behind, terms)}), but that may still be chance."
    )


def _patience(pair: Pair, terms: Terms) -> str:
    labels = pair.control.tally.labelled + pair.challenger.tally.labelled
    if labels < terms.horizon:
        return "Looking does no harm; keep the labels coming."
    return (
        f"With {labels:,} labels it is reasonable to stop without a winner, "
        "if gaps of that size do not matter to you."
    )


def _advice(ahead: Arm) -> str:
    if _fails_notably(ahead):
        return f"It is safe to stop the test, but look at the failures of {ahead.name} first."
    return f"It is safe to stop the test and go with {ahead.name}."


def _scope(pair: Pair, ahead: Arm, arms: Sequence[Arm]) -> str:
    """With several challengers: what was compared with what."""
    if len(arms) == 2:
        return ""
    if ahead is pair.control:
        return "It beat every other arm."
    return f"Each arm was compared with {arms[0].name} only, not with the others."


def _failures(arms: Sequence[Arm]) -> str:
    notable = [
        f"{arm.name} failed on {_share(arm.tally.failure_rate or 0.0)} of its predictions"
        for arm in arms
        if _fails_notably(arm)
    ]
    if not notable:
        return ""
    return f"Not counted here, because failures have no label: {_listed(notable)}."


def _fails_notably(arm: Arm) -> bool:
    return (arm.tally.failure_rate or 0.0) >= NOTABLE_FAILURES


def _ranked(pair: Pair) -> tuple[Arm, Arm]:
    """Who is ahead, who is behind."""
    if pair.evidence.difference > 0:
        return pair.challenger, pair.control
    return pair.control, pair.challenger


def _score(arm: Arm, terms: Terms) -> str:
    return _SCORES[terms.measure.metric].format(_bare_score(arm, terms))


def _bare_score(arm: Arm, terms: Terms) -> str:
    figure = terms.measure.figure(arm.tally) or 0.0
    return _share(figure) if _counts(terms) else _figures(figure)


def _gap(size: float, terms: Terms) -> str:
    return _number(size, terms) + (" percentage points" if _counts(terms) else "")


def _number(size: float, terms: Terms) -> str:
    return _figures(100.0 * size if _counts(terms) else size)


def _counts(terms: Terms) -> bool:
    """Whether a score is a share of right answers."""
    return terms.measure.metric is Metric.CORRECTNESS


def _share(value: float) -> str:
    return f"{100 * value:.{2 if 0.99 < value < 1.0 else 1}f}%"


def _figures(value: float) -> str:
    """Three figures at most, without an exponent where people would not expect one."""
    if 1000 <= value < 1e9:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 10 else f"{value:.2g}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
