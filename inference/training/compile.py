"""Whether a scikit-learn model may be served as ONNX: only if it says the same."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

import numpy as np

from inference.bundles import answers
from inference.core.errors import BundleInvalid
from inference.core.schema import Schema
from inference.core.tensors import Matrix
from inference.runtimes import loader
from inference.runtimes.base import Artefact, Kind, Runtime

TOLERANCE: Final = 1e-5
_OPSET: Final = {"": 21, "ai.onnx.ml": 3}
_INPUT = "rows"
_TIMED_CALLS = 20
_TIMED_SECONDS = 0.1
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Report:
    """How the compiled model compares with its original on `rows` rows of `sample`.

    `largest_difference` is of a probability, or of a value in proportion to it; times are the
    median of one row alone, in microseconds.
    """

    decision: str
    reason: str
    sample: str
    rows: int
    original_us: float | None = None
    precision: str | None = None
    label_flips: int | None = None
    largest_difference: float | None = None
    compiled_us: float | None = None

    def as_dict(self) -> dict[str, object]:
        """What of it can be said, as JSON."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Original:
    """A fitted model, the runtime over it, and the rows that decide."""

    model: Any
    runtime: Runtime
    schema: Schema
    sample: Matrix
    sample_name: str


@dataclass(frozen=True, slots=True)
class _Attempt:
    data: bytes
    precision: str
    label_flips: int
    largest_difference: float
    compiled_us: float

    @property
    def agrees(self) -> bool:
        return self.label_flips == 0 and self.largest_difference <= TOLERANCE

    @property
    def finding(self) -> str:
        return f"{self.label_flips} labels differ, at most by {self.largest_difference:.1e}"


def compiled(original: Original) -> tuple[bytes | None, Report]:
    """The ONNX file if it agrees with the original, and the report either way.

    Single precision first: it is faster, and trees lose nothing by it, for their thresholds are
    compared in single precision anyway. Double is for the models that do lose something.
    """
    findings = []
    for precision in ("float", "double"):
        try:
            attempt = _attempt(original, precision)
        except BundleInvalid as error:
            findings.append(f"{precision}: {error}")
            continue
        if attempt.agrees:
            return attempt.data, _kept(original, attempt)
        findings.append(f"{precision}: {attempt.finding}")
    return None, not_compiled(original, "; ".join(findings))


def taken(runtime: Runtime, sample: Matrix, sample_name: str) -> Report:
    """It came as ONNX: there is nothing to compare it with."""
    return Report(
        decision="onnx",
        reason="registered as ONNX",
        sample=sample_name,
        rows=len(sample),
        compiled_us=_microseconds(runtime, sample),
    )


def forwarded(runtime: Runtime, sample: Matrix, sample_name: str) -> Report:
    """It lives elsewhere, and stays there."""
    return Report(
        decision="remote",
        reason="it lives in another server",
        sample=sample_name,
        rows=len(sample),
        original_us=_microseconds(runtime, sample),
    )


def not_compiled(original: Original, reason: str) -> Report:
    """The original serves, because of `reason`."""
    return Report(
        decision="scikit-learn",
        reason=reason,
        sample=original.sample_name,
        rows=len(original.sample),
        original_us=_microseconds(original.runtime, original.sample),
    )


def _kept(original: Original, attempt: _Attempt) -> Report:
    return Report(
        decision="onnx",
        reason=f"{attempt.finding}, allowed are 0 and {TOLERANCE:.0e}",
        sample=original.sample_name,
        rows=len(original.sample),
        original_us=_microseconds(original.runtime, original.sample),
        precision=attempt.precision,
        label_flips=attempt.label_flips,
        largest_difference=attempt.largest_difference,
        compiled_us=attempt.compiled_us,
    )


def _attempt(original: Original, precision: str) -> _Attempt:
    data = _convert(original, precision)
    runtime = loader.load(Artefact(Kind.ONNX, data, original.schema))
    before = answers(original.runtime, original.sample)
    after = answers(runtime, original.sample)
    flips, difference = compare(before, after, original.schema)
    return _Attempt(data, precision, flips, difference, _microseconds(runtime, original.sample))


def compare(before: Matrix, after: Matrix, schema: Schema) -> tuple[int, float]:
    """How many labels change, and the largest difference of what stands behind them."""
    if schema.target.task == "regression":
        return 0, float(np.max(np.abs(after - before) / np.maximum(1.0, np.abs(before))))
    flips = np.count_nonzero(before.argmax(axis=1) != after.argmax(axis=1))
    return int(flips), float(np.max(np.abs(after - before)))


def _convert(original: Original, precision: str) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = FloatTensorType if precision == "float" else DoubleTensorType
    options = {} if original.schema.target.task == "regression" else {"zipmap": False}
    with warnings.catch_warnings(), _flags_as_numbers():
        warnings.simplefilter("ignore")
        graph = _guarded(
            lambda: to_onnx(
                original.model,
                initial_types=[(_INPUT, kind([None, original.schema.width]))],
                options=options,
                target_opset=_OPSET,
            )
        )
    # The converter lists the sets of operators in the order of a set of texts, which differs from
    # process to process: the same model would be another file.
    sets = sorted(graph.opset_import, key=lambda each: str(each.domain))
    del graph.opset_import[:]
    graph.opset_import.extend(sets)
    data: bytes = graph.SerializeToString(deterministic=True)
    return data


@contextmanager
def _flags_as_numbers() -> Iterator[None]:
    """skl2onnx 1.20 has some flags of histogram-based boosting as booleans; onnx 1.23 refuses them.

    Commands convert one model at a time, so nobody else meets the change.
    """
    from skl2onnx.common import _container as container

    make_node = container.make_node

    def numbered(*given: Any, **attributes: Any) -> Any:
        return make_node(*given, **{name: _numbered(value) for name, value in attributes.items()})

    container.make_node = numbered
    try:
        yield
    finally:
        container.make_node = make_node


def _numbered(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [int(each) if isinstance(each, bool | np.bool_) else each for each in value]


def _guarded(call: Callable[[], Answer]) -> Answer:
    """The converter has no error of its own: whatever it raises means that it cannot."""
    try:
        return call()
    except Exception as error:  # see above
        raise BundleInvalid(
            f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        ) from error


def _microseconds(runtime: Runtime, sample: Matrix) -> float:
    row = (sample[:1],)
    runtime.predict(row)
    times: list[float] = []
    while len(times) < _TIMED_CALLS and sum(times) < _TIMED_SECONDS:
        start = time.perf_counter()
        runtime.predict(row)
        times.append(time.perf_counter() - start)
    return round(float(np.median(times)) * 1e6, 1)
