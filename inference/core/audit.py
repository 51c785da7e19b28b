"""The chain of the audit: the hash of each row takes in that of the row before it.

So nobody who changes, drops or puts in a row can leave the others as they are. Rows that are cut
off at the end leave a chain that is whole; to see that, keep the hash of a late row elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

START: Final = "0" * 64  # what the first row has for the hash before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row without its own hash. `made_at` is ISO 8601 in UTC, to the microsecond."""

    id: int
    made_at: str
    made_by: str
    what: str
    endpoint: str
    algorithm: int | None
    abtest: int | None
    before: str
    after: str
    why: str
    evidence: Mapping[str, Any]
    previous: str

    @property
    def hash(self) -> str:
        """Of its canonical JSON: names in order, no blanks, numbers as `plain` has them."""
        text = json.dumps(plain(asdict(self)), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Fault(NamedTuple):
    """The first row that does not fit, and why."""

    id: int
    reason: str


def plain(value: Any) -> Any:
    """The same JSON as it comes back from any database.

    PostgreSQL keeps numbers as decimals and knows neither 1e20 nor -0.0; a whole number is
    therefore written as one. Raises ValueError for what is no JSON.
    """
    return json.loads(json.dumps(value, allow_nan=False), parse_float=_number)


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def fault(rows: Iterable[tuple[Entry, str]]) -> Fault | None:
    """Of the rows from the first one on, each with the hash that is kept with it."""
    previous = START
    for number, (entry, kept) in enumerate(rows, 1):
        if entry.id != number:
            return Fault(number, f"row {number} is missing; row {entry.id} follows")
        if entry.previous != previous:
            return Fault(number, f"row {number} does not name the hash of the row before it")
        if entry.hash != kept:
            return Fault(number, f"row {number} is not what its hash says")
        previous = kept
    return None
