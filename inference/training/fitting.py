"""From a data set to a bundle: fitted, compiled if that changes nothing, measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from inference import bundles
from inference.bundles import Bundle
from inference.core.errors import TrainingFailed
from inference.runtimes import sklearn as runtimes
from inference.runtimes.base import Artefact, Kind, Reads
from inference.training import backends, estimators, lineage, pack, sample, train
from inference.training.backends import Backend
from inference.training.courses import Course
from inference.training.estimators import Found, Wanted
from inference.training.pack import Identity, Trial


@dataclass(frozen=True, slots=True)
class Labels:
    """What the result is called; what is empty follows from what was fitted on what."""

    endpoint: str
    owner: str
    name: str = ""
    version: str = ""
    description: str = ""
    lineage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trained:
    """The bundle, not yet signed, and the fingerprint of its answers to the held-out rows."""

    bundle: Bundle
    predictions_sha256: str


def trained(course: Course, wanted: Wanted, labels: Labels, backend: Backend) -> Trained:
    """The same data, estimator, parameters and seed give the same answers, to the bit.

    Raises TrainingFailed, or BundleInvalid if what was fitted cannot be served.
    """
    found = estimators.find(wanted, course.schema)
    with backends.running(backend):
        model = _fitted(found, course)
    artefact = Artefact(
        Kind.JOBLIB, train.dump(model), course.schema, found.reads, pack.libraries()
    )
    told = _lineage(course, wanted, found.reads, backend) | dict(labels.lineage)
    identity = _identity(labels, found, told)
    bundle = pack.pack(identity, artefact, _trial(course, wanted, told))
    return Trained(bundle, _fingerprint(bundle, course))


def _fitted(found: Found, course: Course) -> Any:
    """Read by the transform of serving, so that nothing can differ there."""
    rows = course.schema.encode_many(course.train.rows.records)
    read = runtimes.frame(course.schema, rows) if found.reads == "frame" else rows
    try:
        return found.estimator.fit(read, list(course.train.rows.labels))
    except Exception as error:  # an estimator is not ours: whatever it raises, there is no model
        raise TrainingFailed(
            f"{found.name} cannot be fitted: {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _lineage(course: Course, wanted: Wanted, reads: Reads, backend: Backend) -> dict[str, Any]:
    return {
        **lineage.of_data(course.train, course.held_out),
        **lineage.of_place(),
        "schema": course.schema.hash,
        "estimator": wanted.reference,
        "params": dict(wanted.params),
        "seed": wanted.seed,
        "reads": reads,
        "backend": backend.name or "",
    }


def _identity(labels: Labels, found: Found, told: Mapping[str, Any]) -> Identity:
    return Identity(
        endpoint=labels.endpoint,
        name=labels.name or found.name,
        version=labels.version or _version(told),
        owner=labels.owner,
        description=labels.description,
        code=found.code,
    )


def _version(told: Mapping[str, Any]) -> str:
    """What it was made of, in short: the same again is the same version."""
    made_of = ("data_sha256", "schema", "estimator", "params", "seed", "reads")
    text = json.dumps({name: told[name] for name in made_of}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _trial(course: Course, wanted: Wanted, told: Mapping[str, Any]) -> Trial:
    """Ours must stand the edges of the schema; what others bring, the rows that there are."""
    rows = course.held_out.rows
    ours = wanted.reference in train.RECIPES
    edges = sample.edges(course.schema, rows.records[0]) if ours else []
    training = course.train.rows.records
    return Trial([*edges, *rows.records], "held-out rows", rows, told, training)


def _fingerprint(bundle: Bundle, course: Course) -> str:
    matrix = course.schema.encode_many(course.held_out.rows.records)
    with closing(bundles.load(bundle)) as runtime:
        return lineage.fingerprint(bundles.answers(runtime, matrix))
