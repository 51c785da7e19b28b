"""Which registered version a command means, and the bundle of it."""

from __future__ import annotations

from typing import Any

from inference import bundles, opening, store
from inference.bundles import Bundle
from inference.core.errors import BundleInvalid
from inference.core.lifecycle import Status
from inference.management import naming
from inference.models import MLAlgorithm
from inference.runtimes.confinement import Bounds


def find(word: str) -> MLAlgorithm:
    """By its number; by the name of an endpoint the newest one there that may be promoted next.

    Raises BundleInvalid.
    """
    if word.isdecimal():
        found = MLAlgorithm.objects.filter(pk=int(word)).first()
    else:
        found = naming.newest_candidate(word)
    if found is None:
        raise BundleInvalid(f"There is no algorithm {word}, and no candidate of such an endpoint.")
    return found


def serving(word: str) -> MLAlgorithm:
    """By its number; by the name of an endpoint the one in production; raises BundleInvalid."""
    if word.isdecimal():
        return find(word)
    found = MLAlgorithm.objects.filter(
        parent_endpoint__name=word, current_status=Status.PRODUCTION.value
    ).first()
    if found is None:
        raise BundleInvalid(f"There is no endpoint {word!r} with an algorithm in production.")
    return found


def champion(endpoint: int) -> MLAlgorithm | None:
    """The one in production there."""
    return MLAlgorithm.objects.filter(
        parent_endpoint=endpoint, current_status=Status.PRODUCTION.value
    ).first()


def data(row: MLAlgorithm) -> bytes:
    """The signed file; raises BundleInvalid, or StorageUnavailable."""
    return store.get(row.bundle)


def bundle(row: MLAlgorithm) -> Bundle:
    """What is in it; raises the same."""
    return bundles.read(data(row), opening.keyring())


def bounds(row: MLAlgorithm | None) -> Bounds | None:
    """What it may take, if it is one that is kept apart."""
    return opening.apart() if row is not None and row.isolated else None


def told(champion: MLAlgorithm) -> dict[str, Any]:
    """What the lineage of another one says of it."""
    return {
        "id": champion.pk,
        "name": champion.name,
        "version": champion.version,
        "artefact_hash": champion.artefact_hash,
    }
