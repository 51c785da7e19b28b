"""The path of a test: where its evidence stood at which number of labels, and which points stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import floor, log
from typing import Any, Final, NamedTuple

POINTS: Final = 500
CURVES: Final = ("log_e", "difference", "low", "high")
_FINEST: Final = 2.0**-20
_DIGITS: Final = 6  # nobody sees more of a curve

Json = dict[str, Any]


class Point(NamedTuple):
    """What was seen at so many labels of all arms together, and when."""

    labelled: int
    at: datetime | None
    values: Mapping[str, Any]


def kept(counts: Iterable[int]) -> frozenset[int]:
    """Those of the counts that stay: the first, the newest, and between them by their logarithm.

    The axis of the logarithm is cut into pieces of one width, the smallest power of two with which
    no more than POINTS can stay, and of each piece the smallest count stays. The width depends on
    the first and the newest only, and wider pieces consist of narrower ones. So it makes no
    difference in which order and how many at a time counts arrive, or how often some were dropped
    before: what stays is what would stay of all that ever came.
    """
    rising = sorted(counts)
    if not rising:
        return frozenset()
    width = _width(rising[0], rising[-1])
    smallest: dict[int, int] = {}
    for count in rising:
        smallest.setdefault(_piece(count, width), count)
    return frozenset([*smallest.values(), rising[-1]])


def _width(first: int, newest: int) -> float:
    width = _FINEST
    while _piece(newest, width) - _piece(first, width) + 2 > POINTS:
        width *= 2.0
    return width


def _piece(count: int, width: float) -> int:
    return floor(log(max(1, count)) / width)


def point(body: Mapping[str, Any], at: datetime | None = None) -> Point | None:
    """Where a test stands by its snapshot; None while there is no evidence."""
    if (evidence := body["evidence"]) is None:
        return None
    low, high = evidence["interval"]
    seen = (evidence["log_e"], evidence["difference"], low, high)
    values: Json = dict(zip(CURVES, map(_rounded, seen), strict=True))
    values["arms"] = [[arm["arm"], arm["labelled"], _rounded(arm["score"])] for arm in body["arms"]]
    return Point(sum(arm["labelled"] for arm in body["arms"]), at, values)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def joined(past: Sequence[Point], present: Point | None, labelled: int) -> list[Point]:
    """The path up to now. A count may shrink again, when labels are taken back."""
    before = [each for each in past if each.labelled < labelled]
    same = [each for each in past if each.labelled == labelled]
    if present is None or (same and same[0].values == present.values):
        return before + same
    return [*before, present]


def columns(path: Sequence[Point]) -> Json:
    """One list for each curve, for the counts (`labelled`, and as `n`) and the moments, and by arm.

    The arms are those of the path's end.
    """
    counts = [each.labelled for each in path]
    named = path[-1].values["arms"] if path else []
    return {
        "n": counts,
        "labelled": counts,
        **{name: [each.values[name] for each in path] for name in CURVES},
        "at": [each.at and f"{each.at:%Y-%m-%dT%H:%M:%S.%f}Z" for each in path],
        "arms": [_arm(path, place, arm) for place, (arm, *_) in enumerate(named)],
    }


def _arm(path: Sequence[Point], place: int, arm: int) -> Json:
    seen = [each.values["arms"][place] for each in path]
    return {"arm": arm, "labelled": [n for _, n, _ in seen], "score": [score for *_, score in seen]}
