"""How the two algorithms of every demo are fitted: the same seed gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import joblib
import sklearn.ensemble as ensembles
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from inference.core.schema import Schema, Task
from inference.runtimes.sklearn import Estimator
from inference.training.dataset import SEED, Rows

TREES: Final = 100
# Keeps a forest on 20,000 rows at a few megabytes; smaller data sets never get there.
_LEAVES: Final = 128
_ABSENT = -1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """An algorithm by name, for classes and for quantities."""

    name: str
    description: str
    classifier: Callable[..., Estimator]
    regressor: Callable[..., Estimator]

    def model(self, task: Task, seed: int) -> Estimator:
        """Not fitted yet."""
        make = self.regressor if task == "regression" else self.classifier
        return make(n_estimators=TREES, max_leaf_nodes=_LEAVES, random_state=seed)


RECIPES: Final[Mapping[str, Recipe]] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "random forest",
            f"{TREES} trees, each on a random sample of the rows.",
            ensembles.RandomForestClassifier,
            ensembles.RandomForestRegressor,
        ),
        Recipe(
            "extra trees",
            f"{TREES} trees that split at random thresholds.",
            ensembles.ExtraTreesClassifier,
            ensembles.ExtraTreesRegressor,
        ),
    )
}


def fit(recipe: Recipe, schema: Schema, rows: Rows, seed: int = SEED) -> Estimator:
    """A pipeline that reads the schema's matrix."""
    pipeline = Pipeline(
        [("prepare", prepare(schema)), ("model", recipe.model(schema.target.task, seed))]
    )
    # On one thread: scikit-learn's own threads race for the interpreter's warning filters and may
    # leave it without any, and then every tree warns.
    fitted: Estimator = pipeline.fit(schema.encode_many(rows.records), list(rows.labels))
    return fitted


def prepare(schema: Schema) -> Any:
    """Medians for missing numbers; one column per category, one of them for "missing".

    A category that training has not seen is none of them: zero in every column.
    """
    median = SimpleImputer(strategy="median")
    numbers = [at for at, each in enumerate(schema.features) if each.kind != "category"]
    codes = [at for at, each in enumerate(schema.features) if each.kind == "category"]
    if not codes:
        return median
    return ColumnTransformer(
        [("numbers", median, numbers), ("categories", _one_hot(schema, codes), codes)]
    )


def _one_hot(schema: Schema, codes: list[int]) -> Pipeline:
    known = [
        [_ABSENT, *(float(code) for code in range(len(schema.features[at].categories)))]
        for at in codes
    ]
    absent = SimpleImputer(strategy="constant", fill_value=_ABSENT)
    columns = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
    return Pipeline([("absent", absent), ("columns", columns)])


def dump(model: Estimator) -> bytes:
    """The model as a joblib file."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=3)
    return buffer.getvalue()
