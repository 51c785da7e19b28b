"""How long a caller wants to wait before he is told where the answer will be: RFC 7240."""

from __future__ import annotations

import math
from typing import Final

from inference.core.errors import RowInvalid

APPLIED: Final = "respond-async"
_MOST_DIGITS: Final = 9


def patience(header: str) -> float | None:
    """In seconds, from a `Prefer` header; None for those who wait until the answer is there.

    A preference that is not understood is no preference; the first one of a name counts.
    """
    found: dict[str, str] = {}
    for preference in header.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    if APPLIED not in found:
        return None
    wait = found.get("wait", "")
    return float(wait) if _is_whole(wait) else 0.0


def from_query(text: str) -> float | None:
    """In seconds, from `?wait=`; raises RowInvalid."""
    if not text:
        return None
    try:
        seconds = float(text) if text.isascii() else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise RowInvalid("wait must be a number of seconds.", field="wait")
    return seconds


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
