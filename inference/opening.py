"""A registered algorithm as the engine runs it: its bundle verified, loaded and warm."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from django.conf import settings

from inference import bundles, signing, store
from inference.core.graphs import Graph
from inference.core.reach import Reach
from inference.core.reference import Reference
from inference.core.tensors import Tensors
from inference.models import MLAlgorithm
from inference.runtimes.base import Runtime
from inference.runtimes.confinement import Bounds
from inference.signing import Ring

log = logging.getLogger(__name__)

_generations = count()


class LaneKey(NamedTuple):
    """Loading the same algorithm again makes another lane, so that the old one can drain."""

    algorithm_id: int
    generation: int


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What `inference.core.types.Model` asks for."""

    key: LaneKey
    runtime: Runtime
    free_form: bool = False
    reference: Reference | None = None

    @property
    def kind(self) -> str:
        """How the model is stored."""
        return self.runtime.kind

    @property
    def inline_ok(self) -> bool:
        return self.runtime.inline_ok

    def predict(self, tensors: Tensors) -> Tensors:
        return self.runtime.predict(tensors)


def open_algorithm(row: MLAlgorithm) -> Opened:
    """Raises BundleInvalid if the bundle is gone, was changed, or no longer predicts as it did.

    Raises StorageUnavailable if it cannot be fetched now, ModelUnavailable if it lives in another
    server that does not answer now.
    """
    bundle = bundles.read(store.get(row.bundle), keyring())
    loaded = bundles.load(bundle, reach=reach(), apart=apart() if row.isolated else None)
    key, free = LaneKey(row.pk, next(_generations)), isinstance(bundle.schema, Graph)
    return Opened(key, loaded, free, _reference(row))


def _reference(row: MLAlgorithm) -> Reference | None:
    """One that is damaged keeps nobody from being answered."""
    try:
        return Reference.from_json(row.reference)
    except ValueError:
        log.exception("algorithm %s is not watched", row.pk)
        return None


def keyring() -> Ring:
    """The keys of this installation, which are in its environment and never in its database."""
    env = settings.WEIR
    return signing.ring(env.signing_key, env.trusted_keys)


def apart() -> Bounds:
    """What an isolated model may take."""
    env = settings.WEIR
    return Bounds(env.isolated_memory_mb << 20, env.isolated_timeout_ms / 1000)


def reach() -> Reach:
    """Which other servers this installation's operator allows to be asked, and for how long."""
    env = settings.WEIR
    return Reach(env.remote_hosts, env.remote_timeout_ms / 1000, dict(env.remote_tokens))
