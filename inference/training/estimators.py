"""Where an unfitted estimator comes from: a recipe of ours, or somebody's own module.

Only the command line names one: importing a module runs it.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from inference.core.errors import TrainingFailed
from inference.core.schema import Schema
from inference.runtimes.base import Reads
from inference.training import train
from inference.training.train import RECIPES

_MOST_CODE: Final = 50_000  # characters that are kept of a module's source
_SEED: Final = "random_state"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be fitted: a recipe's name or `package.module:factory`, and how.

    `reads` says what it wants, the schema's matrix or a data frame; None leaves that to its shape.
    """

    reference: str
    params: Mapping[str, object]
    seed: int
    reads: Reads | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An unfitted estimator, what it reads, and the source of where it comes from."""

    estimator: Any
    reads: Reads
    name: str
    code: str


def find(wanted: Wanted, schema: Schema) -> Found:
    """Raises TrainingFailed.

    Whatever is no pipeline and reads a matrix gets our preparation in front, which fills gaps and
    gives each category a column of its own. A pipeline is taken as it is.
    """
    if wanted.reference in RECIPES:
        recipe = RECIPES[wanted.reference]
        model = recipe.model(schema.target.task, wanted.seed)
        return Found(_prepared(_set(model, wanted.params), schema), "matrix", recipe.name, _ours())
    module, thing = _imported(wanted.reference)
    model = _seeded(_made(thing, wanted, schema), wanted.seed)
    reads = wanted.reads or ("frame" if _names_columns(model) else "matrix")
    if reads == "matrix" and not isinstance(model, Pipeline):
        model = _prepared(model, schema)
    name = wanted.reference.partition(":")[2]
    return Found(model, reads, name, _source(module))


def params(words: Iterable[str]) -> dict[str, object]:
    """`name=value` each, the value as JSON or else as a text; raises TrainingFailed."""
    found: dict[str, object] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise TrainingFailed(f"A parameter is written name=value, not {word!r}.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _imported(reference: str) -> tuple[ModuleType, Any]:
    name, sign, attribute = reference.partition(":")
    if not sign or not attribute:
        known = ", ".join(sorted(RECIPES))
        raise TrainingFailed(
            f"{reference!r} is neither package.module:factory nor one of: {known}."
        )
    try:
        module = importlib.import_module(name)
        return module, getattr(module, attribute)
    except Exception as error:  # whatever a module raises while it is imported, it cannot be had
        raise TrainingFailed(f"{reference} cannot be had: {error}") from error


def _made(thing: Any, wanted: Wanted, schema: Schema) -> Any:
    """Of an estimator a copy; a class or function is called with what it has arguments for."""
    if isinstance(thing, BaseEstimator):
        return _set(clone(thing), wanted.params)
    if not callable(thing):
        raise TrainingFailed(f"{wanted.reference} is no estimator and makes none.")
    offered = {"schema": schema, "seed": wanted.seed, _SEED: wanted.seed, **wanted.params}
    taken = {name: offered[name] for name in _arguments(thing) if name in offered}
    rest = {name: value for name, value in wanted.params.items() if name not in taken}
    try:
        model = thing(**taken)
    except Exception as error:  # a factory is not ours
        raise TrainingFailed(f"{wanted.reference} makes no estimator: {error}") from error
    if not hasattr(model, "fit") or not hasattr(model, "get_params"):
        raise TrainingFailed(f"{wanted.reference} makes no scikit-learn estimator.")
    return _set(model, rest)


def _arguments(thing: Any) -> Iterable[str]:
    try:
        return inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return ()


def _set(model: Any, params: Mapping[str, object]) -> Any:
    try:
        return model.set_params(**params)
    except (TypeError, ValueError) as error:
        raise TrainingFailed(str(error)) from error


def _seeded(model: Any, seed: int) -> Any:
    """Every part that would otherwise draw anew each time, so that two runs give one model."""
    free = {
        name: seed
        for name, value in model.get_params(deep=True).items()
        if name.rpartition("__")[2] == _SEED and value is None
    }
    return model.set_params(**free)


def _prepared(model: Any, schema: Schema) -> Pipeline:
    return Pipeline([("prepare", train.prepare(schema)), ("model", model)])


def _names_columns(model: Any) -> bool:
    """Whether a part of it picks columns by name or by type, which only a data frame has."""
    parts = [model, *model.get_params(deep=True).values()]
    transformers = [each for each in parts if isinstance(each, ColumnTransformer)]
    return any(_by_name(columns) for each in transformers for *_, columns in each.transformers)


def _by_name(columns: object) -> bool:
    if callable(columns) or isinstance(columns, str):
        return True
    return isinstance(columns, list | tuple) and any(isinstance(each, str) for each in columns)


def _ours() -> str:
    return inspect.getsource(train)


def _source(module: ModuleType) -> str:
    """Nothing of a library: its version is in the lineage."""
    if "site-packages" in (getattr(module, "__file__", None) or "site-packages"):
        return ""
    try:
        return inspect.getsource(module)[:_MOST_CODE]
    except (OSError, TypeError):
        return ""
