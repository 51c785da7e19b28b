"""Predictions as spans of OpenTelemetry, where somebody has set that up.

A span is made when its request has ended, from the times that were measured anyway; while it runs
nothing is done for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from inference import problems
from inference.calls import Call, Onlooker
from inference.core.types import LogMode, Outcome

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

NANO: Final = 1_000_000_000


def onlooker() -> Onlooker | None:
    """None where OpenTelemetry is not installed, or has nowhere to send spans."""
    if find_spec("opentelemetry") is None:
        return None
    from opentelemetry import trace

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    return Spans(trace.get_tracer("weir")).ended


class Spans:
    """Tells a tracer of calls."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def ended(self, call: Call, how: str, seconds: float) -> str:
        """A span for the call and, where they are known, one for each thing that it waited for."""
        from opentelemetry.trace import SpanKind, format_trace_id, set_span_in_context

        end = time.time_ns()
        span = self._tracer.start_span(
            f"predict {call.endpoint}",
            context=_parent(call),
            kind=SpanKind.SERVER,
            attributes=_attributes(call, how),
            start_time=end - round(seconds * NANO),
        )
        if span.is_recording():
            _mark(span, how)
            within = set_span_in_context(span)
            for name, start, stop in _waits(call, end):
                self._tracer.start_span(name, context=within, start_time=start).end(stop)
        span.end(end)
        trace_id = span.get_span_context().trace_id
        return format_trace_id(trace_id) if trace_id else ""


def _parent(call: Call) -> Context:
    """What the caller says; of a frame, what the handshake said."""
    from opentelemetry import propagate

    headers = (call.scope or {}).get("headers", ())
    return propagate.extract({name.decode("latin-1"): v.decode("latin-1") for name, v in headers})


def _attributes(call: Call, how: str) -> dict[str, str | int]:
    parts = call.parts
    found: dict[str, str | int] = {
        "weir.model": call.endpoint,
        "weir.transport": call.door.transport,
        "weir.outcome": how,
        "weir.rows": sum(len(part.ids) for part in parts),
    }
    if len(parts) == 1:
        algorithm = parts[0].served.algorithm
        found |= {"weir.version": algorithm.version, "weir.variant": algorithm.name}
    return found


def _mark(span: Span, how: str) -> None:
    from opentelemetry.trace import StatusCode

    if problems.STATUS.get(how, 200) >= 500:
        span.set_status(StatusCode.ERROR, how)


def _waits(call: Call, end: int) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each, in nanoseconds; nothing of what another process computed."""
    outcome = _outcome(call)
    if outcome is None or not outcome.batch_rows:
        return
    context = call.parts[0].context
    queued = round(context.at.timestamp() * NANO)
    started = queued + round(outcome.queue_seconds * NANO)
    computed = started + round(outcome.compute_seconds * NANO)
    yield "queue", queued, started
    yield "compute", started, computed
    if context.mode is LogMode.STRICT:
        yield "log", computed, max(end, computed)


def _outcome(call: Call) -> Outcome | None:
    """Of a call that went to one model, and came back."""
    done = call.begun.done if call.begun is not None else None
    if done is None or not done.done() or done.cancelled() or done.exception() is not None:
        return None
    return done.result() if isinstance(done.result(), Outcome) else None
