"""One call of a model: made, timed, and doubted before anybody gets a row of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from math import isfinite
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from inference.core.errors import ModelError, ModelOutputInvalid, ModelRejectedRow, WeirError
from inference.core.tensors import MOST_FOR_A_DOT, Array, Tensors
from inference.core.types import Model

# Whatever a model does is its own failure. A synchronous call cannot be cancelled, so even a
# CancelledError is the model's, and `sys.exit()` must not end the server.
MODEL_FAULTS = (Exception, SystemExit, asyncio.CancelledError)
MESSAGE_LENGTH = 200


class Attempt(NamedTuple):
    """Outputs, or the error instead; the seconds it took, and how many of a processor if asked."""

    outputs: Tensors | None
    error: BaseException | None
    seconds: float
    work: float = 0.0


def attempt(
    predict: Callable[[Tensors], Tensors], inputs: Tensors, clock: Callable[[], float]
) -> Attempt:
    """Call the model; what it raises, or returns in the wrong number, is told and not raised."""
    began = clock()
    try:
        outputs = predict(inputs)
    except MODEL_FAULTS as raised:
        return Attempt(None, raised, clock() - began)
    seconds = clock() - began
    error = _misshapen(outputs, len(inputs[0]))
    return Attempt(None if error else outputs, error, seconds)


def doubtful(model: Model, outputs: Tensors) -> Sequence[int]:
    """The rows that nobody may get, because of what is in them."""
    return () if model.free_form else not_finite(outputs)


def not_finite(outputs: Tensors) -> Sequence[int]:
    """The rows that hold a NaN or an infinity."""
    if all(map(_calm, outputs)):
        return ()
    doubtful: set[int] = set()
    for array in outputs:
        if array.dtype.kind in "fc":
            finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
            doubtful.update(np.flatnonzero(~finite).tolist())
    return sorted(doubtful)


def _calm(array: Array) -> bool:
    """True only if all is finite: the sum of squares says so in a third of the time of a look.

    It may overflow for numbers beyond 1e154, which then are looked at one by one.
    """
    if array.dtype.kind not in "fc":
        return True
    if array.size > MOST_FOR_A_DOT:
        return bool(np.isfinite(array).all())
    floats = cast("npt.NDArray[np.floating]", array)
    return isfinite(np.vdot(floats, floats).real)


def shares(outputs: Tensors, sizes: Sequence[int]) -> Sequence[Tensors]:
    """Cut into shares of so many rows, in order, as views."""
    if len(sizes) == 1:
        return (outputs,)
    spans = list(pairwise(accumulate(sizes, initial=0)))
    columns = [[array[start:stop] for start, stop in spans] for array in outputs]
    return list(zip(*columns, strict=True))


def blame(error: BaseException) -> WeirError:
    """What the caller of a row that fails alone is told."""
    if isinstance(error, WeirError):
        # A new one: a model may raise the same instance for every row.
        return type(error)(error.message, field=error.field, retry_after=error.retry_after)
    if isinstance(error, ValueError | TypeError):
        return ModelRejectedRow(str(error)[:MESSAGE_LENGTH])
    return ModelError()


def _misshapen(outputs: object, rows: int) -> ModelOutputInvalid | None:
    """Counted before anything is handed out: a row too few would give all later ones away."""
    if not isinstance(outputs, tuple) or not outputs:
        return ModelOutputInvalid(f"the model returned {type(outputs).__name__}, not arrays")
    for array in outputs:
        if not isinstance(array, np.ndarray) or array.ndim == 0:
            return ModelOutputInvalid("the model returned something that has no rows")
        if len(array) != rows:
            return ModelOutputInvalid(f"the model returned {len(array)} rows for {rows}")
    return None
