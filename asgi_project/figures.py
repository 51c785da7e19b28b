"""What this process computed and logged, counted batch by batch as it goes."""

from __future__ import annotations

from collections import defaultdict

from inference.core.census import Batches
from inference.core.histogram import SECONDS, Histogram
from inference.engine.base import BatchReport


class Figures:
    """Batches by algorithm, told on the event loop; writes of the log, told by its writer."""

    def __init__(self) -> None:
        self.batches: dict[int, Batches] = defaultdict(Batches)
        self.rows_logged = 0
        self.writes = Histogram(SECONDS)

    def ran(self, report: BatchReport) -> None:
        """The lane of an algorithm has computed a batch."""
        algorithm_id: int = getattr(report.key, "algorithm_id", -1)
        self.batches[algorithm_id].ran(
            report.rows, report.errors, report.queue_seconds, report.compute_seconds
        )

    def wrote(self, rows: int, seconds: float) -> None:
        """So many new rows are committed."""
        self.rows_logged += rows
        self.writes.observe(seconds)
