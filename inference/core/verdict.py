"""What the tallies of a test allow one to conclude, in a sentence and in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from inference.core import balance, pairs, sentences
from inference.core.balance import NOTHING_SUSPECTED, Health
from inference.core.evidence import MIN_LABELLED, Evidence, compare, log_e_binomial
from inference.core.experiment import Arm, Mode, Terms, chances
from inference.core.metrics import Metric
from inference.core.sentences import Pair


class Code(StrEnum):
    """How far a test has come."""

    NO_DATA = "no_data"
    COLLECTING = "collecting"
    TOO_EARLY = "too_early"
    WINNER = "winner"
    FUTILE = "futile"  # no difference as large as one that would matter
    UNHEALTHY = "unhealthy"  # the traffic is not split as it was to be
    LABELS_UNEVEN = "labels_uneven"
    ROLL_BACK = "roll_back"  # the challenger of a canary does harm
    ADAPTING = "adapting"  # a bandit, which concludes nothing


class Comparison(NamedTuple):
    """One challenger, by its index, against the control; None is "cannot say".

    `mistakes_log_e` is a second opinion on classifiers, exact where `evidence` is asymptotic: are
    the mistakes split like the traffic? It decides nothing, for it would take an arm whose labels
    arrive less often for a better one.
    """

    challenger: int
    evidence: Evidence | None
    mistakes_log_e: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence and what it rests on; `evidence` is that of the challenger it speaks about."""

    code: Code
    sentence: str
    winner: int | None = None
    evidence: Evidence | None = None
    comparisons: tuple[Comparison, ...] = ()
    health: Health = NOTHING_SUSPECTED


def judge(arms: Sequence[Arm], terms: Terms) -> Verdict:
    """The verdict on two arms or more; it may be asked for after every prediction.

    Each challenger meets the control at alpha / (number of challengers), so that all comparisons
    together err at most with probability alpha (Bonferroni). The winner is a challenger that beat
    the control (of several, the one with the best score; challengers are not compared with each
    other), or the control once it beat them all. A label counts as one observation: subjects who
    send many requests make the evidence look stronger than it is, where they bear no subject.

    A test whose units or labels do not fall on the arms by the weights has no winner, whatever it
    shows: what made them fall otherwise may have made the difference as well.
    """
    health = balance.health(arms, terms.mode)
    found = replace(_concluded(arms, terms), health=health)
    if health.misdealt:
        said = sentences.misdealt(arms)
        return replace(found, code=Code.UNHEALTHY, sentence=said, winner=None)
    if health.uneven:
        said = sentences.uneven(arms)
        return replace(found, code=Code.LABELS_UNEVEN, sentence=said, winner=None)
    return found


def _concluded(arms: Sequence[Arm], terms: Terms) -> Verdict:
    """Of a test that may be believed."""
    if terms.mode is Mode.BANDIT:
        return Verdict(Code.ADAPTING, sentences.adapting(arms))
    comparisons = tuple(_comparisons(arms, terms))
    if not any(arm.tally.exposures for arm in arms):
        return Verdict(Code.NO_DATA, sentences.no_data(), comparisons=comparisons)
    found = list(_pairs(arms, terms, comparisons))
    if _fewest(arms) >= terms.minimum:
        concluded = _decided(found, arms, terms, comparisons)
        if concluded is not None:
            return concluded
    undecided = [pair for pair in found if not pair.evidence.conclusive]
    return _undecided(undecided, arms, terms, comparisons)


def _decided(
    found: Sequence[Pair],
    arms: Sequence[Arm],
    terms: Terms,
    comparisons: tuple[Comparison, ...],
) -> Verdict | None:
    """A winner, or that there is nothing left to find; None while neither is known."""
    won = [pair for pair in found if pair.evidence.conclusive and pair.evidence.difference > 0]
    lost = [pair for pair in found if pair.evidence.conclusive and pair.evidence.difference < 0]
    if won:
        best = _best(won, terms)
        return _winner(best.position, best, arms, terms, comparisons)
    if len(lost) == len(comparisons):
        return _winner(0, _best(lost, terms), arms, terms, comparisons)
    if len(found) == len(comparisons) and all(_small(pair.evidence, terms) for pair in found):
        said = sentences.futile(found, terms)
        return Verdict(Code.FUTILE, said, None, _best(found, terms).evidence, comparisons)
    return None


def _fewest(arms: Sequence[Arm]) -> int:
    return min(arm.tally.labelled for arm in arms)


def _small(evidence: Evidence, terms: Terms) -> bool:
    """Whether all differences that are still possible are smaller than what would matter."""
    low, high = evidence.interval
    return terms.difference is not None and max(-low, high) < terms.difference


def _comparisons(arms: Sequence[Arm], terms: Terms) -> Iterator[Comparison]:
    control = arms[0]
    alpha = terms.alpha / (len(arms) - 1)
    for index, arm in enumerate(arms[1:], start=1):
        evidence = _evidence(control, arm, terms, alpha)
        yield Comparison(index, evidence, _mistakes(control, arm, terms))


def _evidence(control: Arm, arm: Arm, terms: Terms, alpha: float) -> Evidence | None:
    if terms.mode is Mode.SHADOW:
        return pairs.compare(arm.tally, terms.measure, alpha, terms.horizon)
    return compare(control.tally, arm.tally, terms.measure, alpha, terms.horizon)


def _mistakes(control: Arm, challenger: Arm, terms: Terms) -> float | None:
    _, share = chances([control, challenger])
    counted = terms.measure.metric is Metric.CORRECTNESS and terms.mode is not Mode.SHADOW
    if not (counted and 0.0 < share < 1.0):
        return None
    return log_e_binomial(challenger.tally.wrong, control.tally.wrong, share)


def _pairs(arms: Sequence[Arm], terms: Terms, comparisons: Sequence[Comparison]) -> Iterator[Pair]:
    for index, evidence, _ in comparisons:
        if evidence is not None:
            yield Pair(index, _opponent(arms, index, terms), arms[index], evidence)


def _opponent(arms: Sequence[Arm], challenger: int, terms: Terms) -> Arm:
    """The control, of which only those inputs count that the challenger was given as well."""
    control = arms[0]
    if terms.mode is not Mode.SHADOW:
        return control
    met = pairs.counterpart(control.tally, arms[challenger].tally, terms.measure)
    return replace(control, tally=met)


def _best(pairs: Sequence[Pair], terms: Terms) -> Pair:
    return max(pairs, key=lambda pair: terms.measure.score(pair.challenger.tally) or 0.0)


def _winner(
    winner: int,
    pair: Pair,
    arms: Sequence[Arm],
    terms: Terms,
    comparisons: tuple[Comparison, ...],
) -> Verdict:
    sentence = sentences.winner(pair, arms, terms)
    return Verdict(Code.WINNER, sentence, winner, pair.evidence, comparisons)


def _undecided(
    found: Sequence[Pair],
    arms: Sequence[Arm],
    terms: Terms,
    comparisons: tuple[Comparison, ...],
) -> Verdict:
    needed, fewest = max(MIN_LABELLED, terms.minimum), _fewest(arms)
    if fewest < terms.minimum or (fewest < MIN_LABELLED and not found):
        said = sentences.collecting(arms, needed, terms.mode)
        return Verdict(Code.COLLECTING, said, None, _first(found), comparisons)
    if found:
        closest = _best(found, terms)
        sentence = sentences.too_early(closest, arms, terms)
        return Verdict(Code.TOO_EARLY, sentence, None, closest.evidence, comparisons)
    return Verdict(Code.TOO_EARLY, sentences.no_spread(), comparisons=comparisons)


def _first(found: Sequence[Pair]) -> Evidence | None:
    return found[0].evidence if found else None
