"""Each thing that can be asked over HTTP, as a value: what is sent, and how the answer is read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Required, TypedDict, TypeVar

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

from weir_client import reading
from weir_client.address import segment
from weir_client.errors import NotServed
from weir_client.values import (
    Algorithm,
    Answer,
    Endpoint,
    Experiment,
    Json,
    Logged,
    Prediction,
    Ready,
    Ticket,
)

T = TypeVar("T")
Record = Mapping[str, object]
Rows = Sequence[Record] | Sequence[Sequence[object]] | NDArray[Any]

API: Final = "/api/v1/"
KEY: Final = "Idempotency-Key"
_JSON: Final = {"Content-Type": "application/json"}
_NOT_READY: Final = 503


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request. What is `repeatable` may be sent twice without being counted twice."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    repeatable: bool = True

    def named(self, key: str = "") -> Call[T]:
        """The same with a name by which the server knows it again."""
        headers = {**self.headers, KEY: key or uuid.uuid4().hex}
        return replace(self, headers=headers, repeatable=True)

    def nameless(self) -> Call[T]:
        headers = {name: value for name, value in self.headers.items() if name != KEY}
        return replace(self, headers=headers, repeatable=False)


@dataclass(frozen=True, slots=True)
class Wishes:
    """On whose behalf, and who shall answer: the part of a prediction that is not rows."""

    subject: str = ""
    version: str = ""
    status: str = ""
    algorithm: int | None = None
    alias: str = ""

    @property
    def params(self) -> dict[str, str]:
        given = {"version": self.version, "status": self.status, "alias": self.alias}
        if self.algorithm is not None:
            given["algorithm"] = str(self.algorithm)
        if not _fits_header(self.subject):
            given["subject"] = self.subject
        return {name: value for name, value in given.items() if value}

    @property
    def headers(self) -> dict[str, str]:
        """Subjects are many, and a server remembers the queries that it has read."""
        known = self.subject and _fits_header(self.subject)
        return {"X-Subject": self.subject} if known else {}

    @property
    def fields(self) -> dict[str, object]:
        """As a frame has them."""
        given = {"subject": self.subject, "version": self.version, "status": self.status}
        given["alias"] = self.alias
        fields: dict[str, object] = {name: value for name, value in given.items() if value}
        return fields if self.algorithm is None else {**fields, "algorithm": self.algorithm}


ANYONE: Final = Wishes()


class Asking(TypedDict, total=False):
    """Keywords of everything that predicts: who is asked, and on whose behalf."""

    subject: str
    version: str
    status: str
    algorithm: int
    alias: str


class Options(Asking, total=False):
    """Keywords of a prediction over HTTP.

    `timeout` is in seconds for all tries together; `idempotency_key` a name of your own, by which
    the request may be sent again later.
    """

    timeout: float
    idempotency_key: str


def apart(options: Options) -> tuple[Wishes, float | None, str]:
    """Wishes, timeout and key; raises TypeError for a keyword that nothing has."""
    rest: dict[str, Any] = {**options}
    timeout, key = rest.pop("timeout", None), rest.pop("idempotency_key", "")
    return Wishes(**rest), timeout, key


class Terms(TypedDict, total=False):
    """What is agreed at the start of a test and stays so; see the REST page for what each means."""

    mode: str
    metric: str
    low: float
    high: float
    coverage: float
    difference: float
    minimum: int
    maximum: int
    stops_on: Sequence[str]
    segment: str
    guardrails: Sequence[Mapping[str, object]]


class Plan(TypedDict, total=False):
    """What is known before a test: `difference` is the smallest that would matter."""

    difference: Required[float]
    base: float
    variance: float
    labels_a_day: float
    weights: Sequence[int]
    coverage: float
    power: float
    alpha: float


def predict_one(endpoint: str, record: Record, wishes: Wishes = ANYONE) -> Call[Prediction]:
    return _asked(endpoint, encode(record), wishes, reading.prediction)


def predict_many(endpoint: str, rows: Rows, wishes: Wishes = ANYONE) -> Call[list[Answer]]:
    return _asked(endpoint, encode(listed(rows)), wishes, reading.answers)


def submit(endpoint: str, rows: Record | Rows, wishes: Wishes = ANYONE) -> Call[Ticket]:
    body = encode(rows if isinstance(rows, Mapping) else listed(rows))
    call = _asked(endpoint, body, wishes, reading.ticket)
    return replace(call, params={**call.params, "wait": "0"})


def result(request_id: int) -> Call[Prediction]:
    return _get(f"mlrequests/{request_id}", reading.result)


def logged(request_id: int) -> Call[Logged]:
    return _get(f"mlrequests/{request_id}", reading.logged)


def log(after: int, limit: int) -> Call[list[Logged]]:
    params = {"after": str(after), "limit": str(limit)}
    return replace(_get("mlrequests", reading.logs), params=params)


def feedback(request_id: int, label: object) -> Call[Logged]:
    body = encode({"feedback": None if label is None else str(label)})
    return Call("PUT", f"{API}mlrequests/{request_id}", reading.logged, headers=_JSON, content=body)


def endpoints() -> Call[list[Endpoint]]:
    return _get("endpoints", _list_of(Endpoint))


def schema(endpoint_id: int) -> Call[Json]:
    return _get(f"endpoints/{endpoint_id}/schema", reading.json)


def algorithms() -> Call[list[Algorithm]]:
    return _get("mlalgorithms", reading.algorithms)


def experiments() -> Call[list[Experiment]]:
    return _get("abtests", _list_of(Experiment))


def experiment(experiment_id: int) -> Call[Experiment]:
    return _get(f"abtests/{experiment_id}", reading.experiment)


def start_experiment(
    title: str, arms: Mapping[int, int], created_by: str, rule: str, terms: Terms
) -> Call[Experiment]:
    split = [{"algorithm": algorithm, "weight": weight} for algorithm, weight in arms.items()]
    body = {"title": title, "created_by": created_by, "arms": split, "rule": rule}
    sent = encode({name: value for name, value in body.items() if value} | dict(terms))
    return Call("POST", f"{API}abtests", reading.experiment, {}, _JSON, sent, repeatable=False)


def reweight_experiment(experiment_id: int, weights: Sequence[int]) -> Call[Experiment]:
    """Sent twice, it would begin two phases."""
    path, sent = f"{API}abtests/{experiment_id}/reweight", encode({"weights": list(weights)})
    return Call("POST", path, reading.experiment, {}, _JSON, sent, repeatable=False)


def widen_experiment(experiment_id: int, coverage: float) -> Call[Experiment]:
    path, sent = f"{API}abtests/{experiment_id}", encode({"coverage": coverage})
    return Call("PATCH", path, reading.experiment, {}, _JSON, sent)


def stop_experiment(experiment_id: int) -> Call[Json]:
    """A stop that comes again is answered with the same summary."""
    return Call("POST", f"{API}stop_ab_test/{experiment_id}", reading.json)


def promote_experiment(experiment_id: int, why: str, arm: int | None) -> Call[Json]:
    return _ended(experiment_id, "promote", why, {} if arm is None else {"arm": arm})


def roll_back_experiment(experiment_id: int, why: str) -> Call[Json]:
    return _ended(experiment_id, "rollback", why)


def _ended(
    experiment_id: int, how: str, why: str, other: Mapping[str, int] | None = None
) -> Call[Json]:
    said = {**({"why": why} if why else {}), **(other or {})}
    path, sent = f"{API}abtests/{experiment_id}/{how}", encode(said)
    return Call("POST", path, reading.json, {}, _JSON, sent, repeatable=False)


def experiment_snapshot(experiment_id: int) -> Call[Json]:
    return _get(f"abtests/{experiment_id}/live", reading.json)


def experiment_phases(experiment_id: int) -> Call[list[Json]]:
    return _get(f"abtests/{experiment_id}/phases", reading.json)


def experiment_history(experiment_id: int, phase: int | None) -> Call[Json]:
    params = {} if phase is None else {"phase": str(phase)}
    return replace(_get(f"abtests/{experiment_id}/history", reading.json), params=params)


def experiment_decisions(experiment_id: int, after: int) -> Call[list[Json]]:
    params = {"after": str(after)}
    return replace(_get(f"abtests/{experiment_id}/decisions", reading.json), params=params)


def plan(endpoint_id: int, wishes: Mapping[str, object]) -> Call[Json]:
    params = {name: _wished(value) for name, value in wishes.items() if value is not None}
    return replace(_get(f"endpoints/{endpoint_id}/plan", reading.json), params=params)


def _wished(value: object) -> str:
    """As a query has it: several with commas between them."""
    if isinstance(value, list | tuple):
        return ",".join(str(each) for each in value)
    return str(value)


def operations() -> Call[Json]:
    return _get("operations", reading.json)


def ready() -> Call[Ready]:
    return Call("GET", "/readyz", _ready)


def encode(body: object) -> bytes:
    """As JSON; NaN is null, which is a missing value. Raises ValueError for an infinity."""
    text = msgspec.json.encode(body, enc_hook=plain)
    if b"null" in text and _has_infinity(body):  # which would go as a missing value, too
        raise ValueError("An infinity is no value of a row.")
    return text


def _has_infinity(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_infinity, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_infinity, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and bool(np.isinf(value).any())
    return isinstance(value, float | np.floating) and bool(np.isinf(value))


def plain(value: object) -> object:
    """Numbers and arrays of numpy as Python has them; raises TypeError for what is neither."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent.")


def listed(rows: Rows) -> object:
    """Rows as JSON has them; raises ValueError for an array of another shape."""
    if isinstance(rows, np.ndarray):
        if rows.ndim != 2:
            raise ValueError(f"An array of rows has two dimensions, not {rows.ndim}.")
        return rows.tolist()
    return rows


def id_of(endpoint: str, known: Iterable[Endpoint]) -> int:
    """Raises NotServed."""
    for each in known:
        if each.name == endpoint:
            return each.id
    raise NotServed(f"There is no endpoint {endpoint!r}.")


def _asked(
    endpoint: str, body: bytes, wishes: Wishes, read: Callable[[httpx.Response], T]
) -> Call[T]:
    path = f"{API}{segment(endpoint)}/predict"
    headers = {**_JSON, **wishes.headers}
    return Call("POST", path, read, wishes.params, headers, body, repeatable=False)


def _get(path: str, read: Callable[[httpx.Response], T]) -> Call[T]:
    return Call("GET", f"{API}{path}", read)


def _list_of(kind: type[T]) -> Callable[[httpx.Response], list[T]]:
    def read(response: httpx.Response) -> list[T]:
        return reading.converted(reading.json(response), list[kind])  # type: ignore[valid-type]  # known when it is called

    return read


def _ready(response: httpx.Response) -> Ready:
    """503 says that it is not, in a body like that of 200."""
    if response.status_code == _NOT_READY:
        body = reading.json_of(response.content)
        return Ready(ready=False, why=body.get("why", ""))
    return Ready(ready=bool(reading.json(response)["readyz"]))


def _fits_header(subject: str) -> bool:
    return subject.isascii() and subject.isprintable() and subject.strip() == subject
