"""How each contender is asked over HTTP, and where its answer holds the probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.jobs import Job
from bench.problem import BenchFailed

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Wire:
    """`one` and `many` make a body of some of the job's rows; `many` is None for one at a time."""

    path: str
    one: Callable[[Job, int], object]
    many: Callable[[Job], object] | None
    read: Callable[[Any], Sequence[float]]
    many_path: str = ""
    headers: Mapping[str, str] | None = None

    def singles(self, job: Job) -> Ask:
        """Each row in a request of its own."""
        bodies = [_json(self.one(job, at)) for at in range(len(job.matrix))]
        answers = [[each] for each in job.work.expected]
        return Ask(self.path, bodies, answers, self.read, self.headers or {})

    def batches(self, job: Job) -> Ask | None:
        """All rows in one request."""
        if self.many is None:
            return None
        bodies = [_json(self.many(job))]
        path = self.many_path or self.path
        return Ask(path, bodies, [list(job.work.expected)], self.read, self.headers or {})

    def at(self, path: str, headers: Mapping[str, str]) -> Wire:
        """The same, asked elsewhere."""
        return replace(self, path=path, many_path="", headers=headers)


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests to post in turn, and what is right for each."""

    path: str
    bodies: Sequence[bytes]
    expected: Sequence[Sequence[float]]
    read: Callable[[Any], Sequence[float]]
    headers: Mapping[str, str]

    def check(self, at: int, text: bytes, tolerance: float) -> None:
        """Raises BenchFailed unless the answer to this body is right."""
        try:
            near = _near(self.read(json.loads(text)), self.expected[at], tolerance)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise BenchFailed(f"{self.path} answered {text[:200]!r}") from error
        if not near:
            raise BenchFailed(f"{self.path} answered wrongly to body {at}: {text[:200]!r}")


def _near(found: Sequence[float], wanted: Sequence[float], tolerance: float) -> bool:
    pairs = zip(found, wanted, strict=True)
    return all(abs(ours - theirs) <= tolerance for ours, theirs in pairs)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _record(job: Job, at: int) -> dict[str, Any]:
    return dict(zip(job.work.names, job.work.rows[at], strict=True))


def _records(job: Job) -> list[dict[str, Any]]:
    return [_record(job, at) for at in range(len(job.work.rows))]


def _of_records(said: Any) -> list[float]:
    answers = said if isinstance(said, list) else [said]
    return [each["probability"] for each in answers]


def _tensor(rows: Rows) -> dict[str, Any]:
    flat = [value for row in rows for value in row]
    shape = [len(rows), len(rows[0])]
    inputs = [{"name": "rows", "shape": shape, "datatype": "FP64", "data": flat}]
    return {"inputs": inputs, "outputs": [{"name": "predict_proba"}]}


def _of_tensor(said: Any) -> list[float]:
    (output,) = said["outputs"]
    found: list[float] = output["data"][1::2]
    return found


def _of_matrix(said: Any) -> list[float]:
    return [row[1] for row in said]


def _of_list(said: Any) -> list[float]:
    found: list[float] = said["probabilities"] if "probabilities" in said else [said["probability"]]
    return found


def _of_predictions(said: Any) -> list[float]:
    found = said["predictions"]
    return _of_matrix(found["probabilities"] if isinstance(found, dict) else found)


RECORDS: Final = Wire("/predict", _record, _records, _of_records, "/predict_many")
ONE_RECORD: Final = Wire("/api/v1/bench/predict", _record, None, _of_records)
V2: Final = Wire(
    "/v2/models/bench/infer",
    lambda job, at: _tensor([job.matrix[at]]),
    lambda job: _tensor(job.matrix),
    _of_tensor,
)
MATRIX: Final = Wire(
    "/predict",
    lambda job, at: {"rows": [job.matrix[at]]},
    lambda job: {"rows": job.matrix},
    _of_matrix,
)
ROW: Final = Wire(
    "/predict", lambda job, at: {"row": job.matrix[at]}, lambda job: {"rows": job.matrix}, _of_list
)
INPUTS: Final = Wire(
    "/invocations",
    lambda job, at: {"inputs": [job.matrix[at]]},
    lambda job: {"inputs": job.matrix},
    _of_predictions,
)
