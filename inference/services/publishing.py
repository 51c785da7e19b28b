"""From a bundle in memory to an algorithm that is served."""

from __future__ import annotations

from inference import bundles, opening, store
from inference.bundles import Bundle
from inference.core.errors import Raced
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm
from inference.services import models as services
from inference.services.models import NewAlgorithm


def publish(
    bundle: Bundle,
    status: Status,
    by: str,
    *,
    isolated: bool = False,
    sealed: bytes | None = None,
    parent: MLAlgorithm | None = None,
) -> tuple[MLAlgorithm, bool]:
    """The algorithm, and whether it is new; the bundle is kept before anybody hears of it.

    `sealed` is the bundle as a file that was signed already, and is kept as it is. `parent` is the
    one it is meant to take the place of. Raises CannotSign where there is neither a sealed file
    nor a key.
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
        bundle=store.put(sealed or bundles.write(bundle, opening.keyring())),
        runtime=card.serving.value,
        schema=bundle.schema.to_json(),
        description=card.description,
        code=card.code,
        report=card.report,
        metrics=card.metrics,
        lineage=card.lineage,
        reference=card.reference,
        isolated=isolated,
        parent_id=None if parent is None else parent.pk,
    )
    return services.algorithm_register(new, status=status, by=by)


def reseal(row: MLAlgorithm) -> None:
    """Sign its bundle with the key that seals now; raises what opening and signing raise.

    Raises Raced if somebody else did so meanwhile. The former file stays where it lies.
    """
    keys = opening.keyring()
    bundle = bundles.read(store.get(row.bundle), keys)
    key = store.put(bundles.write(bundle, keys))
    moved = MLAlgorithm.objects.filter(pk=row.pk, bundle=row.bundle).update(bundle=key)
    if not moved:
        raise Raced(f"The bundle of algorithm {row.pk} was changed meanwhile.")


def _known(bundle: Bundle) -> MLAlgorithm | None:
    """Asked first, so that a second registration leaves no second bundle behind."""
    return MLAlgorithm.objects.filter(
        parent_endpoint__name=bundle.card.endpoint,
        name=bundle.card.name,
        version=bundle.card.version,
        artefact_hash=bundle.artefact_hash,
    ).first()
