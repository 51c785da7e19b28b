"""What counters that only grow say about the last seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

HISTORY_SECONDS: Final = 600
# A second alone trembles with chance where little comes in; more would hide that it stopped.
RATE_SECONDS: Final = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """What a lane, an algorithm or an endpoint has done; adds up."""

    predictions: int = 0
    batches: int = 0
    errors: int = 0
    refused: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.predictions + other.predictions,
            self.batches + other.batches,
            self.errors + other.errors,
            self.refused + other.refused,
        )

    def __sub__(self, other: Counts) -> Counts:
        return Counts(
            self.predictions - other.predictions,
            self.batches - other.batches,
            self.errors - other.errors,
            self.refused - other.refused,
        )

    @property
    def rows_a_batch(self) -> float | None:
        return self.predictions / self.batches if self.batches else None


NOTHING: Final = Counts()


class Latency(NamedTuple):
    """Quantiles in seconds."""

    p50: float
    p95: float
    p99: float


class Rate:
    """How fast a counter rises, between one question and the next."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def of(self, count: int, now: float) -> float:
        """Per second since it was asked last; 0 at first."""
        before, self._last = self._last, (count, now)
        if before is None or now <= before[1]:
            return 0.0
        return (count - before[0]) / (now - before[1])


def slower(latencies: Iterable[tuple[int, Latency | None]]) -> Latency | None:
    """One set of quantiles for several sources, each with its number of predictions.

    Quantiles do not add up: the median is the weighted mean of the medians, the tails are those of
    the worst source, so that a slow one cannot hide behind a busy one.
    """
    known = [(count, latency) for count, latency in latencies if latency is not None]
    if not known:
        return None
    total = sum(count for count, _ in known)
    weights = [count / total if total else 1 / len(known) for count, _ in known]
    median = sum(w * latency.p50 for w, (_, latency) in zip(weights, known, strict=True))
    return Latency(median, max(x.p95 for _, x in known), max(x.p99 for _, x in known))


class Second(NamedTuple):
    """One point of the curves, in milliseconds as screens show them; None is "nothing ran"."""

    t: int
    rate: float
    p50: float | None
    p99: float | None
    batch: float | None


class Meter:
    """Total, recent rate and curve of one algorithm or endpoint; told each second what was new."""

    def __init__(self) -> None:
        self.total = NOTHING
        self.latency: Latency | None = None
        self._recent: deque[tuple[float, Counts]] = deque(maxlen=RATE_SECONDS)
        self._history: deque[Second] = deque(maxlen=HISTORY_SECONDS)

    def tick(self, t: int, elapsed: float, new: Counts, latency: Latency | None) -> None:
        """`t` is the second on the wall's clock, `elapsed` how long the last one really took.

        Without a new `latency` the last one known stays.
        """
        self.total += new
        self.latency = latency or self.latency
        self._recent.append((elapsed, new))
        ran = latency if new.predictions else None
        self._history.append(
            Second(
                t,
                new.predictions / elapsed,
                ran and 1000 * ran.p50,
                ran and 1000 * ran.p99,
                new.rows_a_batch,
            )
        )

    @property
    def rate(self) -> float:
        seconds = sum(elapsed for elapsed, _ in self._recent)
        return self._new.predictions / seconds if seconds else 0.0

    @property
    def rows_a_batch(self) -> float | None:
        """Of the last seconds; None while nothing ran."""
        return self._new.rows_a_batch

    @property
    def newest(self) -> Second | None:
        return self._history[-1] if self._history else None

    def curves(self) -> dict[str, list[float | None]]:
        """The history as one list for each field of `Second`."""
        return {
            name: [second[index] for second in self._history]
            for index, name in enumerate(Second._fields)
        }

    @property
    def _new(self) -> Counts:
        return sum((counts for _, counts in self._recent), NOTHING)
