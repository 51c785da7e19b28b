"""Rows to try a model on that no data set holds: drawn from a schema, or at its edges."""

from __future__ import annotations

from typing import Final

import numpy as np

from inference.core.schema import Feature, Schema
from inference.training.dataset import SEED, Record

DRAWN: Final = 256
UNSEEN: Final = "(never seen in training)"


def drawn(schema: Schema, count: int = DRAWN, seed: int = SEED) -> list[Record]:
    """Valid rows without gaps, each value drawn on its own from what the schema allows."""
    dice = np.random.default_rng(seed)
    columns = {each.name: _values(each, count, dice) for each in schema.features}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def edges(schema: Schema, record: Record) -> list[Record]:
    """A row that lacks all it may lack and, if there are categories, one of unseen ones."""
    nothing: Record = {
        each.name: record.get(each.name) if each.required else None for each in schema.features
    }
    strange = {
        each.name: UNSEEN
        for each in schema.features
        if each.kind == "category" and not each.bounded
    }
    return [nothing, {**record, **strange}] if strange else [nothing]


def _values(feature: Feature, count: int, dice: np.random.Generator) -> list[object]:
    if feature.kind == "category":
        return list(dice.choice(np.array(feature.categories), count).tolist())
    low = 0.0 if feature.minimum is None else feature.minimum
    high = low + 1.0 if feature.maximum is None else feature.maximum
    numbers = dice.uniform(low, high, count)
    return list((np.round(numbers) if feature.kind == "integer" else numbers).tolist())
