"""Answers over HTTP become values; whatever is no answer becomes the error that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from weir_client import errors
from weir_client.errors import NotYet, Unexpected, WeirError
from weir_client.values import Algorithm, Answer, Experiment, Json, Logged, Prediction, Ticket

T = TypeVar("T")

_ACCEPTED: Final = 202
_BROKEN: Final = 500
_LONGEST: Final = 200  # characters of an answer that is quoted
# What REST framework refuses has no code of ours.
_BY_STATUS: Final = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    413: "too_large",
    429: "rate_limited",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}

_answer = msgspec.json.Decoder(Answer)
_answers = msgspec.json.Decoder(list[Answer])
_OF_ALGORITHMS: Final = {"parent_endpoint": "endpoint", "current_status": "status"}


def checked(response: httpx.Response) -> bytes:
    """The body of an answer; raises what the server refused with, or NotYet for 202."""
    if response.status_code == _ACCEPTED:
        raise NotYet(retry_after=_seconds(response))
    if not response.is_success:
        raise _refusal(response)
    return response.content


def prediction(response: httpx.Response) -> Prediction:
    """Of one record; raises the error of a row that has no answer."""
    return _made(_decoded(_answer, checked(response)))


def answers(response: httpx.Response) -> list[Answer]:
    return _decoded(_answers, checked(response))


def ticket(response: httpx.Response) -> Ticket:
    """Of a request that is to be answered later, which may have been answered already."""
    if not response.is_success:
        raise _refusal(response)
    body = json_of(response.content)
    if isinstance(body, list):
        return Ticket(tuple(each["request_id"] for each in body))
    return Ticket(tuple(body.get("request_ids") or (body["request_id"],)))


def logged(response: httpx.Response) -> Logged:
    return _logged(json_of(checked(response)))


def logs(response: httpx.Response) -> list[Logged]:
    return [_logged(each) for each in json_of(checked(response))]


def result(response: httpx.Response) -> Prediction:
    """From the line of the log; raises the error of a row that has no answer."""
    line = logged(response)
    told = {"algorithm": line.algorithm, **(line.full_response or {}), "request_id": line.id}
    return _made(_decoded(_answer, msgspec.json.encode(told)))


def algorithms(response: httpx.Response) -> list[Algorithm]:
    return [_renamed(each, _OF_ALGORITHMS, Algorithm) for each in json_of(checked(response))]


def experiment(response: httpx.Response) -> Experiment:
    return converted(json_of(checked(response)), Experiment)


def json(response: httpx.Response) -> Any:
    return json_of(checked(response))


def json_of(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except ValueError as error:
        raise _unexpected(body) from error


def converted(body: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise Unexpected(f"{kind}: {error}") from error


def _made(answer: Answer) -> Prediction:
    if isinstance(answer, Prediction):
        return answer
    raise answer.error


def _logged(body: Json) -> Logged:
    text = body.get("full_response")
    full = json_of(text.encode()) if text else None
    return _renamed({**body, "full_response": full}, {"parent_mlalgorithm": "algorithm"}, Logged)


def _renamed(body: Json, names: Mapping[str, str], kind: type[T]) -> T:
    return converted({names.get(name, name): value for name, value in body.items()}, kind)


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except ValueError as error:
        raise _unexpected(body) from error


def _unexpected(body: bytes) -> Unexpected:
    return Unexpected(f"This is no answer: {body[:_LONGEST].decode('utf-8', 'replace')!r}")


def _refusal(response: httpx.Response) -> WeirError:
    try:
        body = msgspec.json.decode(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        code = _BY_STATUS.get(response.status_code, "unexpected")
        where = response.headers.get("location")
        sentence = f"HTTP {response.status_code}" + (f", to {where}" if where else "")
        return errors.of(code, sentence, retry_after=_seconds(response))
    if "code" in body:
        return _of_ours(body, _seconds(response))
    return _of_framework(body, response.status_code, _seconds(response))


def _of_ours(body: Json, seconds: float | None) -> WeirError:
    told = body.get("retry_after_ms")
    return errors.of(
        body["code"],
        body.get("message") or body.get("detail"),
        row=body.get("row"),
        field=body.get("field"),
        request_id=body.get("request_id"),
        retry_after=seconds if told is None else told / 1000,
    )


def _of_framework(body: Json, status: int, seconds: float | None) -> WeirError:
    """`detail`, or the sentences about a field under its name."""
    code = _BY_STATUS.get(status, "invalid" if status < _BROKEN else "unexpected")
    if not body or "detail" in body or "message" in body:
        return errors.of(code, body.get("detail") or body.get("message"), retry_after=seconds)
    field, said = next(iter(body.items()))
    sentence = " ".join(map(str, said)) if isinstance(said, list) else str(said)
    return errors.of(code, f"{field}: {sentence}", field=field, retry_after=seconds)


def _seconds(response: httpx.Response) -> float | None:
    """A date in Retry-After is no number and counts as nothing said."""
    told = response.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() else None
