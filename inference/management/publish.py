"""What a command says of the algorithm that it has registered."""

from __future__ import annotations

from inference.bundles import Bundle
from inference.models import MLAlgorithm
from inference.services.publishing import publish

__all__ = ["publish", "told"]


def told(algorithm: MLAlgorithm, bundle: Bundle, *, created: bool) -> str:
    """What happened, in a line or two for the one who asked."""
    where = f"algorithm {algorithm.pk} ({algorithm.current_status})"
    if not created:
        return f"{algorithm.name} {algorithm.version} is there already: {where}."
    report = bundle.card.report
    tried = f"{report['rows']} {report['sample']}"
    lines = [
        f"{algorithm.name} {algorithm.version} registered: {where}.",
        f"  Served by {report['decision']}: {report['reason']} ({tried}).",
    ]
    measured = ", ".join(f"{name} {value:.4g}" for name, value in bundle.card.metrics.items())
    return "\n".join([*lines, f"  Measured: {measured}."] if measured else lines)
