"""Whether a version is fit to serve: thresholds of its own, and beside the one that serves now.

After the evaluator of TensorFlow Extended, where a model is "blessed" if it meets absolute
thresholds and, on the same rows, relative ones. Each refusal is a sentence with its figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from inference.core import comparison
from inference.core.comparison import Compared

NAMED: Final = 3  # slices, those that are the least likely by chance

# Of these more is worse.
ERRORS: Final = frozenset(
    {"mean_absolute_error", "root_mean_squared_error", "log_loss", "brier", "calibration_error"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is demanded.

    `floors` are of metrics; of an error they are ceilings. `margin` is how far a version may fall
    behind the baseline: of accuracy in points, of an error in proportion to it. Slices with fewer
    than `slice_rows` are shown and not judged. `latency_us` is the median of one row alone.
    """

    floors: Mapping[str, float] = field(default_factory=dict)
    margin: float = 0.01
    alpha: float = 0.05
    slice_rows: int = 100
    latency_us: float = 100_000.0
    memory_mib: float = 1024.0

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"floors": dict(self.floors)}


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows where a feature lies in one place, and both models on them."""

    feature: str
    name: str
    rows: int
    score: float
    compared: Compared | None = None

    def as_dict(self) -> dict[str, object]:
        told: dict[str, object] = {
            "feature": self.feature,
            "slice": self.name,
            "rows": self.rows,
            "score": self.score,
        }
        return told | (self.compared.as_dict() if self.compared else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was measured. `constant` is the score of who always says the same; `score` the score.

    Scores are of the main metric, more being better; `allowed` is the margin in its unit.
    `troubles` are sentences of whoever tried to load and to ask it.
    """

    metrics: Mapping[str, float]
    score: float
    constant: float
    allowed: float
    compared: Compared | None = None
    brier: Compared | None = None
    slices: Sequence[Slice] = ()
    latency_us: float | None = None
    memory_mib: float | None = None
    troubles: Sequence[str] = ()


def refusals(found: Findings, policy: Policy) -> list[str]:
    """Why it is not blessed; nothing if it is."""
    return [
        *found.troubles,
        *_budget(found, policy),
        *_floors(found, policy),
        *_beside(found, policy),
        *_slices(found.slices, policy),
    ]


def _budget(found: Findings, policy: Policy) -> Iterator[str]:
    if found.latency_us is not None and found.latency_us > policy.latency_us:
        yield f"A row alone takes {found.latency_us:.0f} us, allowed are {policy.latency_us:.0f}."
    if found.memory_mib is not None and found.memory_mib > policy.memory_mib:
        yield f"It takes {found.memory_mib:.0f} MiB, allowed are {policy.memory_mib:.0f}."


def _floors(found: Findings, policy: Policy) -> Iterator[str]:
    if found.score <= found.constant:
        yield f"Who always says the same is as good: {abs(found.constant):.4g}."
    for name, floor in policy.floors.items():
        value = found.metrics.get(name)
        if value is None:
            yield f"There is no metric {name!r} that a floor could be of."
        elif value > floor if name in ERRORS else value < floor:
            bound = "the ceiling" if name in ERRORS else "the floor"
            yield f"{name} is {value:.4g}, {bound} is {floor:.4g}."


def _beside(found: Findings, policy: Policy) -> Iterator[str]:
    compared = found.compared
    if compared is None:
        return
    if compared.difference < -found.allowed:
        yield (
            f"It is behind the baseline by {-compared.difference:.4g}, allowed are "
            f"{found.allowed:.4g}."
        )
    elif compared.difference < 0 and compared.p_value <= policy.alpha:
        yield _worse("the baseline", compared)
    brier = found.brier
    if brier is not None and brier.interval is not None and brier.interval[1] < -policy.margin:
        yield f"Its Brier score is worse than the baseline's by {-brier.difference:.4g}."


def _slices(slices: Sequence[Slice], policy: Policy) -> Iterator[str]:
    """Of all the slices together, one that is worse by chance is named with a chance of alpha."""
    judged = [
        (each, each.compared)
        for each in slices
        if each.compared is not None and each.rows >= policy.slice_rows
    ]
    stand_out = comparison.holm([compared.p_value for _, compared in judged], policy.alpha)
    worse = [
        (compared.p_value, _worse(f"the baseline where {each.feature} is {each.name}", compared))
        for (each, compared), stands_out in zip(judged, stand_out, strict=True)
        if stands_out and compared.difference < 0
    ]
    yield from (sentence for _, sentence in sorted(worse)[:NAMED])
    if len(worse) > NAMED:
        yield f"So it is in {len(worse) - NAMED} more slices."


def _worse(than: str, compared: Compared) -> str:
    return f"It is worse than {than}: by {-compared.difference:.4g}, p = {compared.p_value:.2g}."
