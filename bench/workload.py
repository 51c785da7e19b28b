"""What everybody is asked to do: rows of 30 floats for a forest of 100 trees, and the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Workload:
    """Held-out rows, and what the model itself says about them: P(second class).

    A value is a number, or a text where the feature is a category.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    expected: Sequence[float]

    @property
    def bodies(self) -> list[bytes]:
        """Each row as a JSON object."""
        return [json.dumps(dict(zip(self.names, row, strict=True))).encode() for row in self.rows]

    def right(self, index: int, probability: float) -> bool:
        return abs(probability - self.expected[index]) <= TOLERANCE
