"""What each mode asks of a test beyond its terms, and what it begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from inference.core import safeguards, stewarding
from inference.core.agreement import MAXIMUM, Agreed
from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.graphs import GRAPH
from inference.core.lifecycle import Status
from inference.core.schema import Schema
from inference.models import MLAlgorithm

_OF_BANDITS: Final = frozenset({"update_labels", "update_seconds"})
Split = Sequence[tuple[MLAlgorithm, int]]


def complete(terms: Agreed, arms: Split) -> Mapping[str, Any]:
    """The fields of the new test. Raises ExperimentInvalid, naming the field or the arm's row."""
    mode, said = Mode(terms.get("mode", Mode.SPLIT)), terms.get("guardrails") or {}
    kept = safeguards.declared(said, _classes(arms[0][0]))
    if mode == Mode.CANARY:
        return {**terms, "guardrails": kept, **_canary(terms, arms)}
    of_mode = _OF_BANDITS if mode == Mode.BANDIT else frozenset()
    others = ", ".join(sorted(kept.keys() - of_mode))
    _insist("guardrails", not others, f"A test in mode {mode} has no use for {others}.")
    if mode == Mode.BANDIT:
        fine = set(terms.get("stops_on", ())) <= {MAXIMUM}
        _insist("stops_on", fine, "A bandit proves nothing: it stops at its maximum, or by hand.")
    return {**terms, "guardrails": kept}


def _canary(terms: Agreed, arms: Split) -> Mapping[str, Any]:
    _insist("arms", len(arms) == 2, "A canary has two arms: what is in production, and another.")
    (control, first), (_, second) = arms
    _insist("arms", first == second, "The arms of a canary have the same weight: most is seen so.")
    if control.current_status != Status.PRODUCTION.value:
        message = "The first arm of a canary is the algorithm in production."
        raise ExperimentInvalid(message, row=0)
    sentence = "The coverage of a canary follows from its step."
    _insist("coverage", terms.get("coverage", 1.0) == 1.0, sentence)
    return {"coverage": stewarding.coverage(0), "step": 0, "step_at": timezone.now()}


def _classes(algorithm: MLAlgorithm) -> Sequence[str]:
    """Those that a model declares; none of a number, and of a graph nobody knows."""
    if GRAPH in algorithm.schema:
        return ()
    return Schema.from_json(algorithm.schema).target.classes


def _insist(field: str, holds: bool, sentence: str) -> None:
    if not holds:
        raise ExperimentInvalid(sentence, field=field)
