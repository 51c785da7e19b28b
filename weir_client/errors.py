"""What can go wrong, named for what happened; `code` is the server's and stays what it is.

WeirError
 ├── InputError                what was sent cannot be used
 │    ├── JsonInvalid, RowInvalid, FrameInvalid, RequestInvalid, TooLarge, TooSlow,
 │    │   UnsupportedEncoding, Unsupported, IdempotencyMismatch
 │    └── Invalid              a field of something else than a row; `field` names it
 ├── RoutingError              no single algorithm answers
 │    └── NotServed, Ambiguous
 ├── Refusal                   well formed, but not now or not for you
 │    └── Overloaded, Draining, RateLimited, Unauthorized, Forbidden, HostRefused, InProgress,
 │        NotLogged, NotFound
 ├── PredictionFailed          accepted, and then it went wrong
 │    └── DeadlineExceeded, ModelError, ModelCrashed, ModelRejectedRow, ModelOutputInvalid,
 │        ModelUnavailable, QueueUnavailable, StorageUnavailable
 ├── LifecycleError            a change to models or experiments that may not be made
 │    └── TransitionRefused, NotBlessed, Raced, BundleInvalid, FormatRefused, TrialFailed,
 │        UploadsOff, CannotSign, DatasetInvalid, TrainingFailed, ExperimentInvalid
 └── LineError                 found here, on the way to the server
      ├── Unreachable          nothing was sent
      ├── Interrupted          it was sent, and nobody knows what became of it
      ├── TimedOut             the same, after all the time that was given
      ├── Unavailable          a proxy answered instead of the server
      ├── NotYet               accepted, and not answered yet
      └── Unexpected           an answer that this client cannot read
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final


class WeirError(Exception):
    """Something went wrong."""

    code: str = "error"

    def __init__(
        self,
        message: str | None = None,
        *,
        row: int | None = None,
        field: str | None = None,
        retry_after: float | None = None,
        request_id: int | None = None,
    ) -> None:
        """`row` counts from 0, `field` is a feature's name, `retry_after` is in seconds."""
        self.message = message or (type(self).__doc__ or self.code).strip().splitlines()[0]
        self.row = row
        self.field = field
        self.retry_after = retry_after
        self.request_id = request_id
        super().__init__(self.message)


class InputError(WeirError):
    """What was sent cannot be used."""


class JsonInvalid(InputError):
    """The body is not the JSON that is expected here."""

    code = "json_invalid"


class RowInvalid(InputError):
    """A row does not fit the endpoint's schema."""

    code = "row_invalid"


class FrameInvalid(InputError):
    """The frame is not a message of this protocol."""

    code = "frame_invalid"


class RequestInvalid(InputError):
    """The request is not one of the Open Inference Protocol."""

    code = "request_invalid"


class TooLarge(InputError):
    """The request is larger than the server accepts."""

    code = "too_large"


class TooSlow(InputError):
    """The request did not arrive in time."""

    code = "too_slow"


class UnsupportedEncoding(InputError):
    """The body is wrapped in a way that the server does not read."""

    code = "unsupported_encoding"


class Unsupported(InputError):
    """This part of the protocol is not supported by the server."""

    code = "unsupported"


class IdempotencyMismatch(InputError):
    """This key was given to another request before."""

    code = "idempotency_mismatch"


class Invalid(InputError):
    """A field cannot be used."""

    code = "invalid"


class RoutingError(WeirError):
    """No single algorithm answers this request."""


class NotServed(RoutingError):
    """No algorithm answers there."""

    code = "not_served"


class Ambiguous(RoutingError):
    """More than one algorithm answers to that."""

    code = "ambiguous"


class Refusal(WeirError):
    """The request is well formed, but not now or not for you."""


class Overloaded(Refusal):
    """The queue is full; try again later."""

    code = "overloaded"


class Draining(Refusal):
    """The server is shutting down; another one will answer."""

    code = "draining"


class RateLimited(Refusal):
    """Too many requests from this client."""

    code = "rate_limited"


class Unauthorized(Refusal):
    """A valid API key is needed."""

    code = "unauthorized"


class Forbidden(Refusal):
    """This API key does not allow that."""

    code = "forbidden"


class HostRefused(Refusal):
    """The server does not know itself by this host name."""

    code = "host_refused"


class InProgress(Refusal):
    """The same request is being answered right now."""

    code = "in_progress"


class NotLogged(Refusal):
    """The endpoint keeps no log, so an answer cannot be had later or again."""

    code = "not_logged"


class NotFound(Refusal):
    """There is nothing of that name."""

    code = "not_found"


class PredictionFailed(WeirError):
    """The request was accepted but has no result."""


class DeadlineExceeded(PredictionFailed):
    """The deadline passed before there was a result."""

    code = "deadline_exceeded"


class ModelError(PredictionFailed):
    """The model failed."""

    code = "model_error"


class ModelCrashed(PredictionFailed):
    """The process that the model runs in did not survive this."""

    code = "model_crashed"


class ModelRejectedRow(PredictionFailed):
    """The model refused this row."""

    code = "model_rejected_row"


class ModelOutputInvalid(PredictionFailed):
    """The model returned something that is not a prediction."""

    code = "model_output_invalid"


class ModelUnavailable(PredictionFailed):
    """The model is registered but not loaded."""

    code = "model_unavailable"


class QueueUnavailable(PredictionFailed):
    """The server cannot reach its workers."""

    code = "queue_unavailable"


class StorageUnavailable(PredictionFailed):
    """The prediction could not be logged, so it is not given out."""

    code = "storage_unavailable"


class LifecycleError(WeirError):
    """This change may not be made."""


class TransitionRefused(LifecycleError):
    """The status may not change like this."""

    code = "transition_refused"


class NotBlessed(LifecycleError):
    """No evaluation blesses this algorithm beside the one in production."""

    code = "not_blessed"


class Raced(LifecycleError):
    """Somebody else changed it first; look again."""

    code = "raced"


class BundleInvalid(LifecycleError):
    """The bundle cannot be trusted or loaded."""

    code = "bundle_invalid"


class FormatRefused(LifecycleError):
    """What is uploaded must be ONNX or skops, whatever it is called."""

    code = "format_refused"


class TrialFailed(LifecycleError):
    """The model did not survive its trial."""

    code = "trial_failed"


class UploadsOff(LifecycleError):
    """The server takes no models over HTTP."""

    code = "uploads_off"


class CannotSign(LifecycleError):
    """The server has only the public half of a key."""

    code = "cannot_sign"


class DatasetInvalid(LifecycleError):
    """The data set is not what it says, or not what this step needs."""

    code = "dataset_invalid"


class TrainingFailed(LifecycleError):
    """There is no model: the estimator cannot be had or cannot be fitted."""

    code = "training_failed"


class ExperimentInvalid(LifecycleError):
    """The experiment cannot be run like this."""

    code = "experiment_invalid"


class LineError(WeirError):
    """Something went wrong on the way to the server."""


class Unreachable(LineError):
    """Nothing answers there; nothing was sent."""

    code = "unreachable"


class Interrupted(LineError):
    """The connection broke before the answer came; the request may have been answered."""

    code = "interrupted"


class TimedOut(LineError):
    """There was no answer in the time that was given."""

    code = "timed_out"


class Unavailable(LineError):
    """A proxy answered that its server is not there."""

    code = "unavailable"


class NotYet(LineError):
    """The request was accepted and is not answered yet."""

    code = "not_yet"


class Unexpected(LineError):
    """The server answered something that this client does not know."""

    code = "unexpected"


def _kinds(of: type[WeirError]) -> Iterator[type[WeirError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


KINDS: Final[Mapping[str, type[WeirError]]] = {
    kind.code: kind for kind in _kinds(WeirError) if "code" in vars(kind)
}


def of(code: str, message: str | None = None, **about: Any) -> WeirError:
    """The error of that code; one that is newer than this client is a WeirError that carries it."""
    error = KINDS.get(code, WeirError)(message, **about)
    error.code = code
    return error
