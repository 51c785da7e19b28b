"""From a bundle in memory to an algorithm that is served."""

from __future__ import annotations

from django.conf import settings

from inference import bundles, store
from inference.bundles import Bundle
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm
from inference.services import models as services
from inference.services.models import NewAlgorithm


def publish(
    bundle: Bundle, status: Status, by: str, parent: MLAlgorithm | None = None
) -> tuple[MLAlgorithm, bool]:
    """The algorithm, and whether it is new; the bundle is kept before anybody hears of it.

    `parent` is the one that it is meant to take the place of.
    """
    known = _known(bundle)
    if known is not None:
        return known, False
    card = bundle.card
    new = NewAlgorithm(
        endpoint=card.endpoint,
        name=card.name,
        version=card.version,
        artefact_hash=bundle.artefact_hash,
        owner=card.owner,
        bundle=store.put(sealed(bundle)),
        runtime=card.serving.value,
        schema=bundle.schema.to_json(),
        description=card.description,
        code=card.code,
        report=card.report,
        metrics=card.metrics,
        lineage=card.lineage,
        reference=card.reference,
        parent_id=None if parent is None else parent.pk,
    )
    return services.algorithm_register(new, status=status, by=by)


def sealed(bundle: Bundle) -> bytes:
    """The file, signed with this installation's key."""
    return bundles.write(bundle, settings.WEIR.signing_key.encode())


def opened(data: bytes) -> Bundle:
    """What is in a file that this installation signed; raises BundleInvalid."""
    return bundles.read(data, settings.WEIR.signing_key.encode())


def _known(bundle: Bundle) -> MLAlgorithm | None:
    """Asked first, so that a second registration leaves no second bundle behind."""
    return MLAlgorithm.objects.filter(
        parent_endpoint__name=bundle.card.endpoint,
        name=bundle.card.name,
        version=bundle.card.version,
        artefact_hash=bundle.artefact_hash,
    ).first()


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
