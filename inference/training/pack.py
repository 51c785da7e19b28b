"""From a model file to a bundle: compiled if that changes nothing, measured, with golden rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from typing import Final

import numpy as np

from inference import bundles
from inference.bundles import Bundle, Card, Golden
from inference.core.errors import BundleInvalid
from inference.core.reference import Reference
from inference.core.schema import Schema
from inference.core.tensors import Matrix
from inference.runtimes import loader
from inference.runtimes.base import Artefact, Kind, Runtime
from inference.training import compile as compiling
from inference.training import evaluate
from inference.training.dataset import Record, Rows

_GOLDEN = 16
_SLACK: Final = 1e-3  # of a probability: single precision adds up to nearly 1
_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "joblib", "skops", "onnx", "skl2onnx")


@dataclass(frozen=True, slots=True)
class Identity:
    """What people call the algorithm and say about it."""

    endpoint: str
    name: str
    version: str
    owner: str
    description: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """The rows a model is tried on before it may serve; `rows` are labelled, if there are any.

    `training` are those it was fitted on, where they are known. `drawn` rows are nobody's: nothing
    that comes later can be compared with them.
    """

    records: Sequence[Record]
    name: str
    rows: Rows | None = None
    lineage: Mapping[str, object] = field(default_factory=dict)
    training: Sequence[Record] = ()
    drawn: bool = False

    @property
    def unseen(self) -> Sequence[Record]:
        """The rows as they will come, without those that only try the edges of the schema."""
        return self.records if self.rows is None else self.rows.records


def pack(identity: Identity, artefact: Artefact, trial: Trial) -> Bundle:
    """The bundle, not yet signed; raises BundleInvalid if the model fails on a row of the trial."""
    sample = artefact.schema.encode_many(trial.records)
    files, report = _choose(artefact, sample, trial.name)
    serving = Kind.ONNX if Kind.ONNX in files else artefact.kind
    with closing(loader.load(replace(artefact, kind=serving, data=files[serving]))) as runtime:
        metrics = _metrics(artefact, runtime, trial.rows)
        reference = _reference(artefact.schema, runtime, trial)
        golden = _golden(trial.records[:_GOLDEN], runtime, sample[:_GOLDEN])
    card = Card(
        **asdict(identity),
        serving=serving,
        original=artefact.kind,
        reads=artefact.reads,
        libraries=dict(artefact.libraries),
        metrics=metrics,
        report=report.as_dict(),
        lineage=dict(trial.lineage),
        golden=golden,
        reference=reference,
    )
    return Bundle(card=card, schema=artefact.schema, files=files)


def libraries() -> dict[str, str]:
    """The versions that a model made here depends on."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def _choose(
    artefact: Artefact, sample: Matrix, name: str
) -> tuple[dict[Kind, bytes], compiling.Report]:
    """The files of the bundle; the original stays beside its compiled form."""
    files = {artefact.kind: artefact.data}
    if artefact.kind in {Kind.ONNX, Kind.OIP}:
        return files, _taken(artefact, sample, name)
    original = _original(artefact, sample, name)
    if artefact.reads == "frame":
        return files, compiling.not_compiled(original, "it reads a data frame")
    onnx, report = compiling.compiled(original)
    return (files if onnx is None else files | {Kind.ONNX: onnx}), report


def _taken(artefact: Artefact, sample: Matrix, name: str) -> compiling.Report:
    with closing(loader.load(artefact)) as runtime:
        _refuse_scores(artefact, bundles.answers(runtime, sample))
        if artefact.kind is Kind.OIP:
            return compiling.forwarded(runtime, sample, name)
        return compiling.taken(runtime, sample, name)


def _refuse_scores(artefact: Artefact, outputs: Matrix) -> None:
    """A graph may put out distances to a border, which would be read as probabilities."""
    if artefact.schema.target.task == "regression":
        return
    within = (outputs > -_SLACK).all() and (outputs < 1 + _SLACK).all()
    if not within or np.abs(outputs.sum(axis=1) - 1).max() > _SLACK:
        raise BundleInvalid("The model puts out scores, not probabilities that add up to 1.")


def _original(artefact: Artefact, sample: Matrix, name: str) -> compiling.Original:
    from inference.runtimes import sklearn

    runtime = sklearn.load(artefact)
    bundles.answers(runtime, sample)
    return compiling.Original(runtime.model, runtime, artefact.schema, sample, name)


def _metrics(artefact: Artefact, runtime: Runtime, rows: Rows | None) -> dict[str, float]:
    if rows is None:
        return {}
    outputs = bundles.answers(runtime, artefact.schema.encode_many(rows.records))
    return evaluate.metrics(artefact.schema, outputs, rows)


def _reference(schema: Schema, runtime: Runtime, trial: Trial) -> dict[str, object]:
    """What later rows and answers are compared with; empty if there is nothing to compare with."""
    if trial.drawn:
        return {}
    tried = schema.encode_many(trial.unseen)
    rows = schema.encode_many(trial.training) if trial.training else tried
    return Reference.of(schema, rows, tried, bundles.answers(runtime, tried)).to_json()


def _golden(records: Sequence[Record], runtime: Runtime, matrix: Matrix) -> Golden:
    outputs = bundles.answers(runtime, matrix)
    return Golden(records=[dict(record) for record in records], outputs=outputs.tolist())
