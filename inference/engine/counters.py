"""What a lane counts as it goes, in ways that cost nothing per job."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from inference.engine.base import BatchReport

# Answers the quantiles look back on, and how much the newest batch moves the mean batch size.
RECENT = 1024
NEWEST = 0.1
QUANTILES = (0.5, 0.95, 0.99)


class Counters:
    """Plain numbers, raised by the lane and its desk, read by `stats()`."""

    def __init__(self) -> None:
        self.predictions = 0
        self.batches = 0
        self.errors = 0
        self.refused = 0
        self.expired = 0
        self.unlogged = 0
        self.restarts = 0
        self.batch_rows = 0.0
        self.jobs = 0
        self.answer_seconds = 0.0
        self.queue_seconds = 0.0
        self.compute_seconds = 0.0
        self.seconds: deque[float] = deque(maxlen=RECENT)

    def answered(self, seconds: Sequence[float]) -> None:
        """Jobs, by the seconds that each took from its beginning to its answer."""
        self.jobs += len(seconds)
        self.answer_seconds += sum(seconds)
        self.seconds.extend(seconds)

    def ran(self, report: BatchReport) -> None:
        self.batches += 1
        self.predictions += report.rows
        self.errors += report.errors
        self.compute_seconds += report.compute_seconds
        weight = NEWEST if self.batches > 1 else 1.0
        self.batch_rows += weight * (report.rows - self.batch_rows)

    def latency(self) -> tuple[float, float, float] | None:
        """p50, p95 and p99 of the recent answers, in seconds; None before the first."""
        if not self.seconds:
            return None
        ordered = np.sort(np.fromiter(self.seconds, np.float64))
        p50, p95, p99 = (float(ordered[int(q * (len(ordered) - 1))]) for q in QUANTILES)
        return p50, p95, p99
