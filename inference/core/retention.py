"""How long the log is kept: ages as people write them, and the ids between those that stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([hdw])", re.ASCII)
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def age(text: str) -> timedelta:
    """Raises ValueError for what is not like 12h, 90d or 26w."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no age: say 12h, 90d or 26w.")
    return int(found[1]) * _UNITS[found[2]]


def gaps(first: int, last: int, kept: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What of `first` to `last` is in none of the `kept` ranges; both ends always included."""
    for low, high in sorted(kept):
        if low > last:
            break
        if first < low:
            yield first, low - 1
        first = max(first, high + 1)
    if first <= last:
        yield first, last
