"""The parts of a test's units: by the value of one field of their rows, and what each part shows.

A test may be right on the whole and wrong for some. Its segments say so, but nothing is decided by
them: they are looked at beside the verdict, and each is judged by a share of alpha of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from inference.core import verdict
from inference.core.errors import ExperimentInvalid
from inference.core.evidence import Evidence
from inference.core.experiment import Arm, Terms
from inference.core.schema import MISSING_WORDS
from inference.core.tally import Tally
from inference.core.verdict import Code

MOST: Final = 50
LENGTH: Final = 64
OTHER: Final = "other"  # whatever comes after the most that there may be
MISSING: Final = "missing"
ALL: Final = MOST + len((OTHER, MISSING))
_HARMONIC: Final = sum(1.0 / rank for rank in range(1, ALL + 1))

_WORDS: Final = {
    Code.NO_DATA: "No labels yet.",
    Code.COLLECTING: "Collecting labels.",
    Code.TOO_EARLY: "Too early to say.",
    Code.FUTILE: "No difference that would matter.",
    Code.UNHEALTHY: "Not to be trusted: the traffic is not split as it was to be.",
    Code.LABELS_UNEVEN: "Not to be trusted: labels arrive unevenly.",
}
_NOTHING_CLAIMED: Final = "Nothing is claimed."


def refuse(field: str, schemas: Sequence[Mapping[str, Any]]) -> None:
    """Raise ExperimentInvalid unless rows of all these schemas have that field, or it is empty."""
    for row, schema in enumerate(schemas if field else ()):
        if field not in fields(schema):
            sentence = f"The rows have no field {field!r} to split the labels by."
            raise ExperimentInvalid(sentence, row=row, field="segment")


def fields(schema: Mapping[str, Any]) -> list[str]:
    """Of a row, in order; a graph has tensors instead."""
    return [feature["name"] for feature in schema.get("features", ())]


def value(row: str, field: str, names: Sequence[str]) -> str:
    """What the field says in a row of the log, as a text; `names` are the fields in order."""
    try:
        found = json.loads(row)
    except ValueError:
        return MISSING
    if isinstance(found, list):
        found = dict(zip(names, found, strict=False))
    return _text(found.get(field)) if isinstance(found, dict) else MISSING


def _text(raw: object) -> str:
    """3, 3.0 and "3" are one value, as they are one category of a schema."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if not isinstance(raw, str | int | float):
        return MISSING
    text = str(raw).replace("\0", "").encode("utf-8", "replace").decode()
    text = text.strip()[:LENGTH].rstrip()
    return MISSING if text.lower() in MISSING_WORDS else text


def share(rank: int) -> float:
    """Of alpha, for the segment that appeared as number `rank`, from 1: 1 / (rank H).

    How many segments there will be is not known beforehand, only that there will be no more than
    `ALL`. So each gets its share when it appears, before it has shown anything, and the shares
    of all that there can be add up to 1 (H is the sum of 1 / rank over them). The chance that any
    segment without a difference ever shows one is then at most alpha, whichever appear and whoever
    looks (the union bound over tests that are valid at any look; spending alpha on hypotheses as
    they come: Foster, Stine, J. R. Statist. Soc. B 70 (2008)). Those that appear first, mostly the
    large ones, keep more than an even split would leave them, up to the eleventh.
    """
    return 1.0 / (rank * _HARMONIC)


@dataclass(frozen=True, slots=True)
class Segment:
    """What one part of the units has shown; `evidence` is that of the best challenger."""

    name: str
    arms: Sequence[Arm]
    evidence: Evidence | None
    verdict: str


def judge(
    arms: Sequence[Arm], parts: Mapping[str, Sequence[Tally]], terms: Terms, whole: Code
) -> list[Segment]:
    """Each part with the tallies of all arms, in the order of first appearance.

    `whole` is the verdict on the test: where that is not to be trusted, no part is.
    """
    return [
        _judged(name, _with(arms, tallies), replace(terms, alpha=terms.alpha * share(rank)), whole)
        for rank, (name, tallies) in enumerate(parts.items(), 1)
    ]


def _with(arms: Sequence[Arm], tallies: Sequence[Tally]) -> list[Arm]:
    """Predictions without a label are not counted by segment."""
    return [
        replace(arm, tally=replace(tally, exposures=max(0, tally.labelled)))
        for arm, tally in zip(arms, tallies, strict=True)
    ]


def _judged(name: str, arms: Sequence[Arm], terms: Terms, whole: Code) -> Segment:
    found = verdict.judge(arms, replace(terms, minimum=0))
    if whole in (Code.UNHEALTHY, Code.LABELS_UNEVEN):
        return Segment(name, arms, found.evidence, _WORDS[whole])
    if found.winner is not None:
        return Segment(name, arms, found.evidence, f"{arms[found.winner].name} is better.")
    return Segment(name, arms, found.evidence, _WORDS.get(found.code, _NOTHING_CLAIMED))
