"""An algorithm with a reference, and rows that lie as it says or otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.core.basin import Basin
from inference.core.drift import Counts
from inference.core.lifecycle import Status
from inference.core.reference import Reference
from inference.core.schema import Schema
from inference.core.tensors import Matrix
from inference.models import MLAlgorithm
from tests.inference import registered

SCHEMA = Schema.from_json(
    {
        "features": [
            {"name": "age", "kind": "number"},
            {"name": "hours", "kind": "number"},
            {"name": "work", "kind": "category", "categories": ["none", "office"]},
        ],
        "target": {"name": "income", "task": "binary", "classes": registered.CLASSES},
    }
)


def rows(count: int, seed: int = 1, shift: float = 0.0) -> Matrix:
    """Ages that are `shift` standard deviations above those of the reference."""
    dice = np.random.default_rng(seed)
    age, hours = dice.normal(size=(2, count))
    return np.column_stack([40 + 10 * (age + shift), 30 + 5 * hours, dice.integers(0, 2, count)])


def outputs(matrix: Matrix) -> Matrix:
    """Whoever works long earns more; of age nothing is made."""
    yes = 1 / (1 + np.exp((30 - matrix[:, 1]) / 5))
    return np.column_stack([1 - yes, yes])


def reference() -> Reference:
    return Reference.of(SCHEMA, rows(4000, 2), rows(1000, 3), outputs(rows(1000, 3)))


def counts(matrix: Matrix) -> Counts:
    basin = Basin(reference())
    basin.pour((matrix,), (outputs(matrix),))
    return basin.take()


def algorithm(
    name: str = "forest", status: Status = Status.PRODUCTION, **other: Any
) -> MLAlgorithm:
    given = {"schema": SCHEMA.to_json(), "reference": reference().to_json(), **other}
    return registered.algorithm(name, status, **given)
