"""Estimators as somebody would bring them: a class's name, a function, an object, a pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from inference.core.schema import Schema

RIDGE = LinearRegression()
FOREST = RandomForestClassifier
BOOSTED = HistGradientBoostingRegressor
MARGINS = LinearSVC
NUMBER = 3


def of_names(c: float = 1.0) -> Pipeline:
    """Reads columns of a data frame by name."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    kinds = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer(
        [("numbers", numbers, ["age", "hours"]), ("kinds", kinds, ["work"])]
    )
    return Pipeline([("columns", columns), ("model", LogisticRegression(C=c, max_iter=500))])


def of_types() -> Pipeline:
    """Picks columns by what is in them."""
    numbers = ColumnTransformer(
        [("numbers", SimpleImputer(), make_column_selector(dtype_include=np.number))]
    )
    return make_pipeline(numbers, LogisticRegression(max_iter=500))


def of_schema(schema: Schema, trees: int = 5) -> RandomForestClassifier:
    """As wide as the schema has features."""
    return RandomForestClassifier(trees, max_depth=schema.width)


def broken() -> BaseEstimator:
    raise OSError("there is no licence file")


def unfit() -> BaseEstimator:
    return _Unfit()


class _Unfit(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    def fit(self, rows: Any, labels: Any) -> _Unfit:
        raise ArithmeticError(f"{len(rows)} rows are too many")
