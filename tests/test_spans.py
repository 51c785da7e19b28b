"""Predictions as spans, seen by the SDK that a deployment would have."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from asgi_project import spans
from asgi_project.spans import Spans
from inference import calls
from inference import gateway as door
from inference.core.types import LogMode
from tests.consumers.test_predict import client
from tests.dataplane.test_http import JSON, Call, plane
from tests.inference.gateways import World, gateway, world

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())


@pytest.fixture
async def one() -> AsyncIterator[World]:
    found = world(LogMode.STRICT)
    async with gateway(found) as gate:
        door.install(gate)
        yield found
        calls.install(lambda _: False)
        door.install(None)


@pytest.fixture
def exported() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    calls.install(lambda name: name == "e", Spans(provider.get_tracer("weir")).ended)
    return exporter


def by_name(exported: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    found: Sequence[ReadableSpan] = exported.get_finished_spans()
    return {span.name: span for span in found}


def lasted(span: ReadableSpan) -> int:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.end_time - span.start_time


async def test_a_prediction_is_a_child_of_its_callers_span(
    one: World, exported: InMemorySpanExporter
) -> None:
    await Call(headers=[JSON, TRACEPARENT]).through(plane(one))
    found = by_name(exported)
    assert set(found) == {"predict e", "queue", "compute", "log"}
    request = found["predict e"]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.status.is_ok
    assert request.attributes == {
        "weir.model": "e",
        "weir.transport": "rest",
        "weir.outcome": "ok",
        "weir.rows": 1,
        "weir.version": "1.0",
        "weir.variant": "forest",
    }


async def test_what_it_waited_for_lies_within_it_one_after_the_other(
    one: World, exported: InMemorySpanExporter
) -> None:
    await Call(headers=[JSON]).through(plane(one))
    found = by_name(exported)
    request = found.pop("predict e")
    waits = [found[name] for name in ("queue", "compute", "log")]
    for wait in waits:
        assert wait.parent is not None
        assert wait.parent.span_id == request.context.span_id
        assert 0 <= lasted(wait) <= lasted(request)
    for before, after in itertools.pairwise(waits):
        assert before.end_time == after.start_time
    assert waits[-1].end_time == request.end_time


async def test_a_failure_of_ours_is_an_error_and_a_callers_mistake_is_none(
    one: World, exported: InMemorySpanExporter
) -> None:
    await Call(b"{").through(plane(one))
    door.current().draining = True
    await Call().through(plane(one))
    mistake, failure = exported.get_finished_spans()
    assert (mistake.attributes or {})["weir.outcome"] == "json_invalid"
    assert mistake.status.is_unset
    assert failure.status.description == "draining"


async def test_each_frame_is_a_span_below_the_handshakes(
    one: World, exported: InMemorySpanExporter
) -> None:
    somebody = client(one, headers=[(b"host", b"127.0.0.1:8000"), TRACEPARENT])
    await somebody.connect()
    await somebody.hears()
    for number in range(3):
        await somebody.says(id=number, record={"a": 0.5})
        await somebody.hears()
    await somebody.disconnect()
    frames = [span for span in exported.get_finished_spans() if span.name == "predict e"]
    assert [f"{span.context.trace_id:032x}" for span in frames] == [TRACE] * 3
    assert {(span.attributes or {})["weir.transport"] for span in frames} == {"ws"}


async def test_what_is_not_sampled_is_not_worked_out(one: World) -> None:
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("weir")
    calls.install(lambda _: True, Spans(tracer).ended)
    assert (await Call().through(plane(one))).status == 200


async def test_an_onlooker_that_fails_costs_no_answer(
    one: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: calls.Call, how: str, seconds: float) -> str:
        raise RuntimeError

    calls.install(lambda _: True, broken)
    assert (await Call().through(plane(one))).status == 200
    assert "an onlooker failed" in caplog.text


def test_where_nobody_set_it_up_nobody_looks_on() -> None:
    assert spans.onlooker() is None


def test_where_it_is_not_installed_nobody_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "find_spec", lambda _: None)
    assert spans.onlooker() is None
