"""What HTTP says when something went wrong: the one table from error codes to statuses.

Both doors of REST read it, the data plane and Django's. The routes of the tutorial's contract keep
the shapes that its clients know; what the tutorial never had gets `code`, `message` and, where they
help, `row`, `field` and `retry_after_ms`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from inference.core.errors import JsonInvalid, RoutingError, WeirError
from inference.keys import SCHEME

STATUS: Final[Mapping[str, int]] = {
    "json_invalid": 400,
    "row_invalid": 422,
    "frame_invalid": 400,
    "request_invalid": 400,
    "too_large": 413,
    "too_slow": 408,
    "unsupported_encoding": 415,
    "unsupported": 501,
    "idempotency_mismatch": 422,
    "not_served": 404,
    "ambiguous": 400,
    "overloaded": 503,
    "draining": 503,
    "rate_limited": 429,
    "unauthorized": 401,
    "forbidden": 403,
    "host_refused": 400,
    "in_progress": 409,
    "not_logged": 400,
    "not_found": 404,
    "deadline_exceeded": 504,
    "model_error": 500,
    "model_crashed": 500,
    "model_rejected_row": 422,
    "model_output_invalid": 500,
    "model_unavailable": 503,
    "queue_unavailable": 503,
    "storage_unavailable": 503,
    "transition_refused": 409,
    "not_blessed": 409,
    "raced": 409,
    "bundle_invalid": 422,
    "format_refused": 415,
    "trial_failed": 422,
    "uploads_off": 403,
    "cannot_sign": 409,
    "dataset_invalid": 422,
    "training_failed": 422,
    "experiment_invalid": 400,
}


BAD_REQUEST: Final = 400
UNPROCESSABLE: Final = 422
MOST_NAME: Final = 64


_UNAUTHORIZED: Final = 401
_TIMED_OUT: Final = 408


class Problem(NamedTuple):
    """A refusal as HTTP carries it. `retry_after` in whole seconds, for the header of that name."""

    status: int
    body: Mapping[str, object]
    retry_after: int | None

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What it adds to those of every answer, for applications that write their own."""
        found = []
        if self.retry_after is not None:
            found.append((b"retry-after", b"%d" % self.retry_after))
        if self.status == _UNAUTHORIZED:
            found.append((b"www-authenticate", SCHEME.encode()))
        if self.status == _TIMED_OUT:
            found.append((b"connection", b"close"))  # the rest of that body may be on its way
        return found


def problem(error: WeirError) -> Problem:
    """As every route answers that the tutorial does not have."""
    return Problem(STATUS.get(error.code, 500), error.as_dict(), _seconds(error))


def of_tutorial(error: WeirError) -> Problem:
    """As the tutorial's predict route answers: its clients tell errors by these shapes."""
    if isinstance(error, JsonInvalid):
        return Problem(400, {"detail": error.message, "code": error.code}, None)
    body = {"status": "Error", **error.as_dict()}
    status = 400 if isinstance(error, RoutingError) else STATUS.get(error.code, 500)
    return Problem(status, body, _seconds(error))


def of_protocol(error: WeirError) -> Problem:
    """As the Open Inference Protocol's clients read it: a sentence as `error`, and nothing is 422.

    The place is in the sentence, for they show nothing else of it.
    """
    status = STATUS.get(error.code, 500)
    said = error.as_dict()
    if error.field is not None:
        said["field"] = error.field[:MOST_NAME]  # a tensor is called whatever its sender likes
    body = {"error": _placed(error), **{key: said[key] for key in said if key != "message"}}
    return Problem(BAD_REQUEST if status == UNPROCESSABLE else status, body, _seconds(error))


def _placed(error: WeirError) -> str:
    where = [] if error.row is None else [f"row {error.row}"]
    if error.field is not None:
        where.append(repr(error.field[:MOST_NAME]))
    return f"{error.message} ({', '.join(where)})" if where else error.message


def _seconds(error: WeirError) -> int | None:
    return None if error.retry_after is None else max(1, math.ceil(error.retry_after))
