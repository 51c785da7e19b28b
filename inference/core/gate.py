"""Whether what is known of an algorithm is enough to put it into production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """An evaluation; `baseline` is the algorithm that it compares with, None for nobody."""

    evaluation: int
    blessed: bool
    baseline: int | None
    reasons: Sequence[str] = ()


def refusal(
    latest: Judgement | None, champion: int | None, won: int | None, *, fallen: bool = False
) -> str | None:
    """Why it may not be promoted, in a sentence; None if it may.

    It may if its latest evaluation blesses it beside whoever is in production now, or if it has won
    a test (`won`, its id) against that one: an older champion proves nothing about this one. Of
    one that has `fallen`, rolled back or rejected, only what came after that is handed in.
    """
    if won is not None:
        return None
    if latest is None:
        return "It was taken back, and not judged since." if fallen else "It was never evaluated."
    if not latest.blessed:
        because = f": {latest.reasons[0]}" if latest.reasons else "."
        return f"Evaluation {latest.evaluation} does not bless it{because}"
    if champion not in (None, latest.baseline):
        other = "nobody" if latest.baseline is None else f"algorithm {latest.baseline}"
        return (
            f"Evaluation {latest.evaluation} compares it with {other}, "
            f"and algorithm {champion} is in production."
        )
    return None
