"""The life of algorithms as calls: where they stand, how they were judged, what became of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from weir_client import reading
from weir_client.address import segment
from weir_client.calls import API, Call, encode
from weir_client.values import Json

_JSON = {"Content-Type": "application/json"}


def feedback_many(labels: Mapping[int, object]) -> Call[list[int]]:
    """Sent twice, each label replaces itself."""
    told = [
        {"id": request_id, "feedback": None if label is None else str(label)}
        for request_id, label in labels.items()
    ]
    path, content = f"{API}mlrequests/feedback", encode({"labels": told})
    return Call("POST", path, _missing, headers=_JSON, content=content)


def set_status(algorithm: int, status: str, by: str, reason: str) -> Call[Json]:
    """Sent twice, it would be written down twice."""
    body = {"parent_mlalgorithm": algorithm, "status": status, "created_by": by, "reason": reason}
    return _sent("POST", "mlalgorithmstatuses", body, repeatable=False)


def promote(algorithm: int, to: str, reason: str, *, force: bool) -> Call[Json]:
    body = {"to": to, "reason": reason, "force": force}
    return _sent("POST", f"mlalgorithms/{algorithm}/promote", body, repeatable=False)


def roll_back(endpoint_id: int, to: int | None, reason: str) -> Call[Json]:
    """Sent twice, it would go back two steps."""
    body = {"to": to, "reason": reason}
    return _sent("POST", f"endpoints/{endpoint_id}/rollback", body, repeatable=False)


def aliases(endpoint_id: int) -> Call[dict[str, int]]:
    return Call("GET", f"{API}endpoints/{endpoint_id}/aliases", _aliases)


def set_alias(endpoint_id: int, name: str, algorithm: int, reason: str) -> Call[Json]:
    path = f"endpoints/{endpoint_id}/aliases/{segment(name)}"
    return _sent("PUT", path, {"algorithm": algorithm, "reason": reason})


def drop_alias(endpoint_id: int, name: str) -> Call[None]:
    path = f"{API}endpoints/{endpoint_id}/aliases/{segment(name)}"
    return Call("DELETE", path, _nothing, repeatable=False)


def evaluations(algorithm: int | None, after: int) -> Call[list[Json]]:
    return _listed("evaluations", algorithm=algorithm, after=after)


def audit(endpoint: str, algorithm: int | None, after: int) -> Call[list[Json]]:
    return _listed("audit", endpoint=endpoint, algorithm=algorithm, after=after)


def drift(endpoint_id: int) -> Call[Json]:
    return Call("GET", f"{API}endpoints/{endpoint_id}/drift", reading.json)


def _sent(
    method: str, path: str, body: Mapping[str, object], *, repeatable: bool = True
) -> Call[Json]:
    """Without what nobody said."""
    said = {name: value for name, value in body.items() if value not in ("", None, False)}
    content = encode(said)
    return Call(method, f"{API}{path}", reading.json, {}, _JSON, content, repeatable)


def _listed(path: str, **wishes: object) -> Call[list[Json]]:
    params = {name: str(value) for name, value in wishes.items() if value}
    call: Call[Any] = Call("GET", f"{API}{path}", reading.json)
    return replace(call, params=params)


def _missing(response: httpx.Response) -> list[int]:
    return [*reading.json(response)["missing"]]


def _aliases(response: httpx.Response) -> dict[str, int]:
    return {each["name"]: each["algorithm"] for each in reading.json(response)}


def _nothing(response: httpx.Response) -> None:
    reading.checked(response)
