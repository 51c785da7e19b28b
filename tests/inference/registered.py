"""Rows as services make them, with nothing behind them that would have to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Unpack

from inference.core.agreement import Agreed
from inference.core.lifecycle import Rule, Status
from inference.core.types import PredictionRow
from inference.models import ABTest, Arm, MLAlgorithm
from inference.services import experiments, models
from inference.services.models import NewAlgorithm

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
CLASSES = ["<=50K", ">50K"]


def schema(task: str = "binary") -> dict[str, Any]:
    classes = {} if task == "regression" else {"classes": CLASSES}
    return {
        "features": [{"name": "age", "kind": "number"}],
        "target": {"name": "income", "task": task, **classes},
    }


def new(name: str = "forest", endpoint: str = "income", **other: Any) -> NewAlgorithm:
    given: dict[str, Any] = {
        "version": "0.0.1",
        "artefact_hash": "a" * 64,
        "owner": "tests",
        "bundle": "somewhere",
        "runtime": "onnx",
        "schema": schema(),
        "code": "class Forest: ...",
    }
    return NewAlgorithm(endpoint=endpoint, name=name, **{**given, **other})


def algorithm(name: str = "forest", status: Status = Status.TESTING, **other: Any) -> MLAlgorithm:
    row, _ = models.algorithm_register(new(name, **other), status=status, by="tests")
    row.refresh_from_db()
    return row


def pair(task: str = "binary", endpoint: str = "income") -> tuple[MLAlgorithm, MLAlgorithm]:
    """The first in production, the second in testing."""
    rest = {"endpoint": endpoint, "schema": schema(task)}
    first = algorithm("forest", Status.PRODUCTION, **rest)
    return first, algorithm("trees", Status.TESTING, **rest)


def started(
    arms: Sequence[MLAlgorithm],
    rule: Rule = Rule.ACCURACY,
    weights: Sequence[int] | None = None,
    **agreed: Unpack[Agreed],
) -> ABTest:
    split = list(zip(arms, weights or [1] * len(arms), strict=True))
    return experiments.start("a test", "tests", split, rule, **agreed)


def row(
    request_id: int, algorithm: MLAlgorithm, arm: Arm | None = None, **other: Any
) -> PredictionRow:
    given: dict[str, Any] = {
        "input_data": '{"age": 37}',
        "full_response": '{"label": "<=50K"}',
        "response": "<=50K",
        "error_code": "",
        "subject": "",
        "created_at": AT,
        "latency_us": 1500,
    }
    return PredictionRow(request_id, algorithm.pk, arm.pk if arm else None, **{**given, **other})


def status_of(algorithm: MLAlgorithm) -> str:
    return MLAlgorithm.objects.get(pk=algorithm.pk).current_status
