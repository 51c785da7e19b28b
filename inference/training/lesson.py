"""All steps from a demo's raw rows to a bundle, in order."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from inference.bundles import Bundle
from inference.core.schema import Schema
from inference.runtimes.base import Artefact, Kind
from inference.training import demos, pack, profile, sample, train
from inference.training.dataset import SEED, Dataset
from inference.training.demos import Demo
from inference.training.pack import Identity, Trial


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn, and what will be asked afterwards."""

    demo: Demo
    dataset: Dataset
    schema: Schema
    trial: Trial


def of(name: str, csv: Path | None = None) -> Lesson:
    """The lesson of the demo with this name; its trial is the held-out rows."""
    demo = demos.find(name)
    dataset = demo.dataset(csv)
    schema = profile.schema_of(dataset)
    return Lesson(demo, dataset, schema, trial(schema, dataset))


def trial(schema: Schema, dataset: Dataset) -> Trial:
    """The held-out rows, after the rows at the edges of the schema."""
    held_out = dataset.held_out
    edges = sample.edges(schema, held_out.records[0])
    lineage = {"data_sha256": dataset.sha256, "rows": len(dataset.train), "seed": SEED}
    records, training = [*edges, *held_out.records], dataset.train.records
    return Trial(records, "held-out rows", held_out, lineage, training)


def bundle(lesson: Lesson, recipe_name: str, *, version: str, owner: str) -> Bundle:
    """The algorithm of this recipe, fitted, compiled if that changes nothing, and measured."""
    recipe = train.RECIPES[recipe_name]
    model = train.fit(recipe, lesson.schema, lesson.dataset.train)
    identity = Identity(
        endpoint=lesson.demo.endpoint,
        name=recipe.name,
        version=version,
        owner=owner,
        description=f"{lesson.demo.description} {recipe.description}",
        code=inspect.getsource(train),
    )
    artefact = Artefact(Kind.JOBLIB, train.dump(model), lesson.schema, libraries=pack.libraries())
    return pack.pack(identity, artefact, lesson.trial)
