"""The parts of the rows that a model may be worse on than its average shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.core.schema import Feature, Schema
from inference.core.tensors import Matrix

MISSING: Final = "missing"
QUARTERS: Final = 4
MOST: Final = 20  # of one feature, the largest ones
LEAST: Final = 10  # rows; fewer show nothing


class Part(NamedTuple):
    """Rows where a feature lies in one place."""

    feature: str
    name: str
    rows: npt.NDArray[np.bool_]


def of(schema: Schema, matrix: Matrix) -> Iterator[Part]:
    """Each feature's categories, or the quarters of its numbers, and where it is missing."""
    for feature, values in zip(schema.features, matrix.T, strict=True):
        missing = np.isnan(values)
        named = [(MISSING, missing), *_categories(feature, values), *_quarters(feature, values)]
        large = [(name, rows) for name, rows in named if np.count_nonzero(rows) >= LEAST]
        large.sort(key=lambda each: -int(np.count_nonzero(each[1])))
        yield from (Part(feature.name, name, rows) for name, rows in large[:MOST])


def _categories(
    feature: Feature, values: npt.NDArray[np.float64]
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    for code, name in enumerate(feature.categories):
        yield name, values == code


def _quarters(
    feature: Feature, values: npt.NDArray[np.float64]
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Each up to its upper edge; edges that fall together make one part."""
    known = values[~np.isnan(values)]
    if feature.kind == "category" or not len(known):
        return
    edges = np.unique(np.quantile(known, np.linspace(0, 1, QUARTERS + 1)))
    if len(edges) == 1:
        yield f"{edges[0]:g}", values == edges[0]
    for at, (low, high) in enumerate(pairwise(edges)):
        above = values >= low if at == 0 else values > low
        yield f"{low:g} to {high:g}", above & (values <= high)
