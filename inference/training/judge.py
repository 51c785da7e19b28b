"""A version beside the one that serves now, on the same held-out rows: is it fit to serve?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.bundles import Bundle
from inference.core import blessing, calibration, comparison
from inference.core.blessing import Findings, Policy, Slice
from inference.core.calibration import Bin
from inference.core.comparison import Compared
from inference.core.errors import DatasetInvalid
from inference.core.reach import NOWHERE, Reach
from inference.runtimes.confinement import Bounds
from inference.training import scoring, scratch, slices
from inference.training.files import Table
from inference.training.scoring import Scored
from inference.training.scratch import Tried
from inference.training.slices import Part

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """Blessed if there is no reason against it; the report is JSON."""

    reasons: Sequence[str]
    report: Mapping[str, Any]

    @property
    def blessed(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Bench:
    """The rows, what is demanded, and how many workers ask; `told` hears what is being done.

    `apart` has the bounds of a candidate that is to be kept apart, `baseline_apart` those of a
    baseline.
    """

    table: Table
    policy: Policy
    jobs: int = 1
    reach: Reach = NOWHERE
    told: Told = lambda _: None
    apart: Bounds | None = None
    baseline_apart: Bounds | None = None


def judged(candidate: Bundle, baseline: Bundle | None, bench: Bench) -> Judged:
    """Raises DatasetInvalid for rows that judge nothing, RowInvalid for one that does not fit.

    The candidate is loaded by another process first. If it does not come through, nothing else is
    asked of it.
    """
    schema = candidate.table
    _refuse(candidate, bench.table)
    bench.told("try it in a process of its own")
    matrix = schema.encode_many(bench.table.rows.records)
    tried = scratch.tried(candidate, matrix[: scratch.ALONE], bench.reach, bench.apart)
    if tried.row_us is None:
        return Judged(tried.troubles, {"trial": tried.as_dict(), "rows": len(bench.table)})
    bench.told("ask the candidate")
    own = _scored(candidate, bench, bench.apart)
    bench.told("ask the baseline")
    other = None if baseline is None else _scored(baseline, bench, bench.baseline_apart)
    parts = list(slices.of(schema, matrix))
    findings = _findings(bench, own, other, tried)
    findings = replace(findings, slices=_slices(parts, own, other, bench.policy.alpha))
    reasons = blessing.refusals(findings, bench.policy)
    return Judged(reasons, _report(bench, findings, own, other) | {"trial": tried.as_dict()})


def _refuse(candidate: Bundle, table: Table) -> None:
    """The table it learnt from is known by its bytes, too: a copy has lost its description."""
    schema, split = candidate.table, table.about.split
    learnt = candidate.card.lineage.get("data_sha256") == table.about.sha256
    if learnt or (split is not None and split.part == "train"):
        raise DatasetInvalid("These are the rows that models learn from; take the held-out part.")
    if table.about.task != schema.target.task:
        raise DatasetInvalid(f"The rows are of {table.about.task}, the model {schema.target.task}.")


def _scored(bundle: Bundle, bench: Bench, apart: Bounds | None) -> Scored:
    rows = bench.table.rows
    outputs = scoring.outputs(bundle, rows.records, bench.jobs, bench.reach, apart)
    return scoring.scored(bundle.table, outputs, rows)


def _findings(bench: Bench, own: Scored, other: Scored | None, tried: Tried) -> Findings:
    policy, rows = bench.policy, bench.table.rows
    return Findings(
        metrics={**own.metrics, **_calibration_error(own)},
        score=float(own.gains.mean()),
        constant=_constant(rows.labels, own),
        allowed=policy.margin if own.right is not None else policy.margin * _error(other),
        compared=_compared(own, other, policy.alpha),
        brier=_brier(own, other, policy.alpha),
        latency_us=tried.row_us,
        memory_mib=tried.memory_mib,
        troubles=tried.troubles,
    )


def _calibration_error(own: Scored) -> dict[str, float]:
    bins = _bins(own)
    return {"calibration_error": calibration.expected_error(bins)} if bins else {}


def _bins(own: Scored) -> list[Bin]:
    if own.confidence is None or own.right is None:
        return []
    return calibration.reliability(own.confidence, own.right)


def _error(other: Scored | None) -> float:
    return 0.0 if other is None else -float(other.gains.mean())


def _constant(labels: Sequence[str | float], own: Scored) -> float:
    """The score of who always says the most frequent class, or the median."""
    if own.right is None:
        truth = np.asarray(labels, dtype=np.float64)
        return -float(np.abs(truth - np.median(truth)).mean())
    _, counts = np.unique([str(label) for label in labels], return_counts=True)
    return float(counts.max() / len(labels))


def _compared(own: Scored, other: Scored | None, alpha: float) -> Compared | None:
    if other is None:
        return None
    if own.right is not None and other.right is not None:
        return comparison.classifiers(own.right, other.right, alpha)
    return comparison.scores(own.gains, other.gains, alpha)


def _brier(own: Scored, other: Scored | None, alpha: float) -> Compared | None:
    if other is None or own.brier is None or other.brier is None:
        return None
    return comparison.scores(own.brier, other.brier, alpha)


def _slices(parts: Sequence[Part], own: Scored, other: Scored | None, alpha: float) -> list[Slice]:
    return [
        Slice(
            part.feature,
            part.name,
            int(np.count_nonzero(part.rows)),
            float(own.gains[part.rows].mean()),
            _compared(_only(own, part), None if other is None else _only(other, part), alpha),
        )
        for part in parts
    ]


def _only(scored: Scored, part: Part) -> Scored:
    right = None if scored.right is None else scored.right[part.rows]
    return Scored({}, scored.gains[part.rows], right)


def _report(bench: Bench, findings: Findings, own: Scored, other: Scored | None) -> dict[str, Any]:
    report: dict[str, Any] = {
        "rows": len(bench.table),
        "task": bench.table.about.task,
        "metrics": dict(findings.metrics),
        "constant": abs(findings.constant),
        "slices": [each.as_dict() for each in findings.slices],
        "calibration": [each.as_dict() for each in _bins(own)],
        "policy": bench.policy.as_dict(),
    }
    if other is not None and findings.compared is not None:
        report |= {"baseline": dict(other.metrics), "compared": findings.compared.as_dict()}
    if findings.brier is not None:
        report["brier_compared"] = findings.brier.as_dict()
    return report
