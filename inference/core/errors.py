"""What can go wrong, named for what happened.

WeirError
 ├── InputError                what a caller sent cannot be used
 │    ├── JsonInvalid          json_invalid
 │    ├── RowInvalid           row_invalid
 │    ├── FrameInvalid         frame_invalid
 │    ├── RequestInvalid       request_invalid
 │    ├── TooLarge             too_large
 │    ├── TooSlow              too_slow
 │    ├── UnsupportedEncoding  unsupported_encoding
 │    ├── Unsupported          unsupported
 │    └── IdempotencyMismatch  idempotency_mismatch
 ├── RoutingError              no single algorithm answers this request
 │    ├── NotServed            not_served
 │    └── Ambiguous            ambiguous
 ├── Refusal                   well formed, but not now or not for you
 │    ├── Overloaded           overloaded
 │    ├── Draining             draining
 │    ├── RateLimited          rate_limited
 │    ├── Unauthorized         unauthorized
 │    ├── Forbidden            forbidden
 │    ├── HostRefused          host_refused
 │    ├── InProgress           in_progress
 │    ├── NotLogged            not_logged
 │    └── NotFound             not_found
 ├── PredictionFailed          accepted, and then it went wrong
 │    ├── DeadlineExceeded     deadline_exceeded
 │    ├── ModelError           model_error
 │    ├── ModelCrashed         model_crashed
 │    ├── ModelRejectedRow     model_rejected_row
 │    ├── ModelOutputInvalid   model_output_invalid
 │    ├── ModelUnavailable     model_unavailable
 │    ├── QueueUnavailable     queue_unavailable
 │    └── StorageUnavailable   storage_unavailable
 └── LifecycleError            a change to models or experiments that may not be made
      ├── TransitionRefused    transition_refused
      ├── NotBlessed           not_blessed
      ├── Raced                raced
      ├── BundleInvalid        bundle_invalid
      ├── FormatRefused        format_refused
      ├── TrialFailed          trial_failed
      ├── UploadsOff           uploads_off
      ├── CannotSign           cannot_sign
      ├── DatasetInvalid       dataset_invalid
      ├── TrainingFailed       training_failed
      └── ExperimentInvalid    experiment_invalid

Codes are stable and part of the public contract; sentences may improve. Nothing here knows HTTP:
`inference.api.errors` and `consumers.base` hold the only translations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final


class WeirError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str | None = None,
        *,
        row: int | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """`row` counts from 0, `field` is a feature's name, `retry_after` is in seconds."""
        self.message = message or type(self).default_message()
        self.row = row
        self.field = field
        self.retry_after = retry_after
        super().__init__(self.message)

    @classmethod
    def default_message(cls) -> str:
        """The first line of the docstring serves the reader and the log alike."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def as_dict(self) -> dict[str, object]:
        """Code, sentence and, where they help, row, field and `retry_after_ms`."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.row is not None:
            body["row"] = self.row
        if self.field is not None:
            body["field"] = self.field
        if self.retry_after is not None:
            body["retry_after_ms"] = round(self.retry_after * 1000)
        return body


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
    """The request is larger than this server accepts."""

    code = "too_large"


class TooSlow(InputError):
    """The request did not arrive in time."""

    code = "too_slow"


class UnsupportedEncoding(InputError):
    """The body is wrapped in a way that is not read here."""

    code = "unsupported_encoding"


class Unsupported(InputError):
    """This part of the protocol is not supported here."""

    code = "unsupported"


class IdempotencyMismatch(InputError):
    """This name was given to another request before."""

    code = "idempotency_mismatch"


class RoutingError(WeirError):
    """No single algorithm answers this request."""


class NotServed(RoutingError):
    """ML algorithm is not available"""

    code = "not_served"


class Ambiguous(RoutingError):
    """ML algorithm selection is ambiguous. Please specify algorithm version."""

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
    """This host is not served here; ALLOWED_HOSTS names those that are."""

    code = "host_refused"


class InProgress(Refusal):
    """The same request is being answered right now; ask again."""

    code = "in_progress"


class NotLogged(Refusal):
    """This endpoint keeps no log, so an answer cannot be had later or again."""

    code = "not_logged"


class NotFound(Refusal):
    """There is no request of that name, or it ended without an answer."""

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
    """The queue to the workers cannot be reached."""

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
    """Models are not taken over HTTP here; WEIR_UPLOADS allows it."""

    code = "uploads_off"


class CannotSign(LifecycleError):
    """This process has only the public half of a key: it opens bundles and seals none."""

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


def _kinds(of: type[WeirError]) -> Iterator[type[WeirError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


# By code, for errors that come from another process.
KINDS: Final[Mapping[str, type[WeirError]]] = {
    kind.code: kind for kind in _kinds(WeirError) if "code" in vars(kind)
}
