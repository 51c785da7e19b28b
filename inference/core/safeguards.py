"""What a canary, or a bandit, was told to keep to: declared as JSON before the test starts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from math import inf
from typing import Any, Final

from inference.core.errors import ExperimentInvalid

MOST_ANSWERS: Final = 20
OTHER: Final = "other"  # counts for every answer that has no name
_FIELD: Final = "guardrails"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Safeguards:
    """The names are those of the JSON, where what is left out is as it is here.

    `errors`: failures may not fall on the challenger more often than predictions do. `latency_ms`:
    nor may predictions that take longer. `answers`: the two must give these answers alike, all
    others together being one more; empty: that is not looked at. `alpha` is for all of them
    together. A canary takes its next step after `step_seconds` at the earliest, and once each arm
    has had `step_units` units in all. A bandit's weights follow each `update_labels` labels, at
    most every `update_seconds`.
    """

    errors: bool = True
    latency_ms: float | None = None
    answers: tuple[str, ...] = ()
    alpha: float = 0.05
    step_seconds: float = 600.0
    step_units: int = 100
    update_labels: int = 200
    update_seconds: float = 10.0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the guardrails that are looked at."""
        looked = {
            "errors": self.errors,
            "latency": self.latency_ms is not None,
            "answers": bool(self.answers),
        }
        return tuple(name for name, wanted in looked.items() if wanted)

    def slow(self, latency_us: int) -> bool:
        """Whether a prediction took longer than is allowed."""
        return self.latency_ms is not None and latency_us > 1000.0 * self.latency_ms

    def answer(self, response: str) -> str:
        """What a prediction is counted under; arms of one test say the same of the same."""
        return response if response in self.answers else OTHER


NAMES: Final = tuple(field.name for field in fields(Safeguards))


@lru_cache(maxsize=256)
def written(text: str) -> Safeguards:
    """Of the JSON that a row holds."""
    return parsed(json.loads(text or "{}"))


def parsed(said: Json) -> Safeguards:
    """Of what was found fine when the test started."""
    known = {name: value for name, value in said.items() if name in NAMES}
    return Safeguards(**known | {"answers": tuple(said.get("answers") or ())})


def declared(said: Json, classes: Sequence[str]) -> dict[str, Any]:
    """As it is kept: answers by their names, the first of the model's classes if just `true`.

    Raises ExperimentInvalid, naming the field, for what is unknown, of another kind or too large.
    """
    _insist(isinstance(said, Mapping), "The guardrails are an object.")
    for name in sorted(said.keys() - set(NAMES)):
        _insist(False, f"There is no guardrail {name!r}; there are {', '.join(NAMES)}.")
    _limits(said)
    if not said.get("answers"):
        return {name: value for name, value in said.items() if name != "answers"}
    return {**said, "answers": _answers(said["answers"], classes)}


def _limits(said: Json) -> None:
    _insist(isinstance(said.get("errors", True), bool), "errors is true or false.")
    if said.get("latency_ms") is not None:
        _number(said, "latency_ms", 0.0, 3_600_000.0)
    _number(said, "alpha", 0.0, 0.5)
    _number(said, "step_seconds", 0.0, 31_536_000.0)
    _count(said, "step_units")
    _count(said, "update_labels")
    _number(said, "update_seconds", 0.0, 31_536_000.0)


def _number(said: Json, name: str, low: float, high: float) -> None:
    value = said.get(name, high)
    fine = isinstance(value, int | float) and not isinstance(value, bool) and low < value <= high
    _insist(fine and value < inf, f"{name} is a number above {low:g} and at most {high:g}.")


def _count(said: Json, name: str) -> None:
    value = said.get(name, 1)
    fine = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000_000
    _insist(fine, f"{name} is a whole number of at least 1.")


def _answers(wanted: Any, classes: Sequence[str]) -> list[str]:
    if wanted is True:
        _insist(bool(classes), "answers names up to 20 answers: the models declare no classes.")
        return [str(name) for name in classes[:MOST_ANSWERS]]
    fine = isinstance(wanted, list | tuple) and 1 <= len(wanted) <= MOST_ANSWERS
    _insist(fine, f"answers is true, or names 1 to {MOST_ANSWERS} answers.")
    _insist(all(isinstance(name, str) for name in wanted), "answers names them as texts.")
    return list(dict.fromkeys(wanted))


def _insist(holds: bool, sentence: str) -> None:  # what must be true
    if not holds:
        raise ExperimentInvalid(sentence, field=_FIELD)
