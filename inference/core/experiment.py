"""What a test is to the statistics: its arms and the terms agreed before it began."""

from __future__ import annotations

from dataclasses import dataclass

from inference.core.schema import Task
from inference.core.tally import Tally


@dataclass(frozen=True, slots=True)
class Arm:
    """One algorithm under the name people know it by; the first arm of a test is the control."""

    name: str
    weight: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class Terms:
    """Agreed before the test begins; changing them later voids the evidence.

    `alpha` bounds the chance of ever naming a wrong winner. `horizon` is the number of labels, of
    control and challenger together, at which the confidence sequence is narrowest. `difference` is
    the smallest that would matter, in units of the score; None: any would.
    """

    task: Task
    alpha: float = 0.05
    horizon: int = 5000
    difference: float | None = None
