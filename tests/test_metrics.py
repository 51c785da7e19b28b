"""A scrape tells what is known, never waits long, and says the same as its page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from asgi_project.families import Now
from asgi_project.figures import Figures
from asgi_project.lately import Lately
from asgi_project.metrics import Metrics, Scraped, Source
from inference import keys, readouts
from inference.access import Access
from inference.core import experiment
from inference.core.balance import Health
from inference.core.evidence import Evidence
from inference.core.guardrails import Reading, State
from inference.core.tally import Tally
from inference.core.verdict import Code, Comparison, Verdict
from inference.engine.base import BatchReport, EngineStats, LogStats
from inference.models import Arm, MLAlgorithm
from inference.opening import LaneKey
from inference.readouts import Measured
from inference.registry import Key, Snapshot
from inference.services import overview
from inference.shadowing import Mirrored
from tests.inference.gateways import world

PAGE = Path(__file__).parent.parent / "docs" / "monitoring.md"
READER, ROBOT = keys.make(), keys.make()
HOST = (b"host", b"localhost:8000")
LOGGED = LogStats(waiting_rows=3, writes=2, written=10, failed=1, healthy=True)


def now(snapshot: Snapshot | None = None) -> Now:
    stats = EngineStats({}, LOGGED, draining=False, healthy=True)
    known, mirrored = snapshot or world().snapshot, Mirrored(rows=5, shed=1)
    return Now("embedded", True, known, stats, 2, mirrored=mirrored)


def measured() -> list[Measured]:
    rows = [
        Arm(position=1, algorithm=MLAlgorithm(name="forest", version="1.0")),
        Arm(position=2, algorithm=MLAlgorithm(name="trees", version="1.1")),
    ]
    tallies = [Tally(100, 0, 50, 40), Tally(110, 0, 60, 57)]
    arms = [experiment.Arm("x", 1, tally) for tally in tallies]
    shown = Comparison(1, Evidence(0.1, (-0.1, 0.3), 1.5, 3.0, 0.2), None)
    verdict = Verdict(Code.TOO_EARLY, "", comparisons=(shown,), health=Health(0.5, 0.25))
    reading = Reading("errors", State.HOLDS, 0.5, 3.0, "")
    return [Measured(7, list(zip(rows, arms, strict=True)), verdict, readings=[reading])]


@pytest.fixture
def tests_in_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """What reading the tests does; of drift there is nothing to be read."""
    monkeypatch.setattr(overview, "present", list)
    return lambda read: monkeypatch.setattr(readouts, "measured", read)


async def scraped(figures: Figures | None = None, *, tests: bool = True) -> dict[Any, float]:
    """Samples by name and labels."""
    metrics = Metrics(Source(now, figures or Figures(), tests))
    text, _ = await metrics.text("")
    return samples(text.decode())


def samples(text: str) -> dict[Any, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def of(name: str, **labels: str) -> tuple[Any, ...]:
    return (name, *sorted(labels.items()))


async def test_batches_are_told_by_model(
    tests_in_database: Callable[[Callable[[], Any]], None],
) -> None:
    tests_in_database(measured)
    figures = Figures()
    figures.ran(BatchReport(LaneKey(1, 1), 3, 5, 1, 0.002, 0.0004))
    figures.ran(BatchReport(LaneKey(1, 2), 1, 1, 0, 0.001, 0.0002))
    figures.wrote(6, 0.003)
    forest = {"model": "e", "version": "1.0", "variant": "forest"}
    found = await scraped(figures)
    assert found[of("serve_inferences_total", **forest)] == 6
    assert found[of("serve_inference_errors_total", **forest)] == 1
    assert found[of("serve_batches_total", **forest)] == 2
    assert found[of("serve_batch_size_bucket", le="4.0", **forest)] == 1
    assert found[of("serve_queue_seconds_sum", **forest)] == pytest.approx(0.003)
    assert found[of("serve_inference_seconds_bucket", le="0.00025", **forest)] == 1
    assert found[of("serve_log_rows_total")] == 6
    assert found[of("serve_log_failures_total")] == 1
    assert found[of("serve_log_waiting_rows")] == 3
    assert found[of("serve_ws_clients")] == 2


async def test_tests_are_told_by_arm(
    tests_in_database: Callable[[Callable[[], Any]], None],
) -> None:
    tests_in_database(measured)
    found = await scraped()
    trees = {"experiment": "7", "arm": "2", "variant": "trees", "version": "1.1"}
    assert found[of("ab_exposures_total", **trees)] == 110
    assert found[of("ab_labels_total", correct="true", **trees)] == 57
    assert found[of("ab_labels_total", correct="false", **trees)] == 3
    assert found[of("ab_discordant_total", only="this", **trees)] == 0
    assert found[of("ab_score", metric="correctness", **trees)] == 0.95
    assert found[of("ab_log_evalue", **trees)] == 1.5
    assert found[of("ab_srm_pvalue", experiment="7")] == 0.5
    assert found[of("ab_labels_pvalue", experiment="7")] == 0.25
    assert found[of("ab_guardrail_log_evalue", experiment="7", guardrail="errors")] == 0.5
    assert found[of("ab_guardrail_threshold", experiment="7", guardrail="errors")] == 3.0
    assert found[of("ab_age_seconds")] < 60


async def test_without_the_database_the_rest_is_told(
    tests_in_database: Callable[[Callable[[], Any]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away() -> list[Measured]:
        raise ConnectionError("it is away")

    tests_in_database(away)
    found = await scraped()
    assert found[of("serve_ready")] == 1
    assert not any(name.startswith("ab_") for name, *_ in found)
    assert "shown again" in caplog.text


async def test_who_tells_of_no_tests_asks_nobody(
    tests_in_database: Callable[[Callable[[], Any]], None],
) -> None:
    tests_in_database(lambda: pytest.fail("it asked"))
    assert of("serve_ready") in await scraped(tests=False)


async def test_the_page_names_each_family_and_no_other(
    tests_in_database: Callable[[Callable[[], Any]], None],
) -> None:
    tests_in_database(measured)
    text, _ = await Metrics(Source(now, Figures(), tests=True)).text("")
    told = {
        match[1]: match[2]
        for match in re.finditer(r"^# TYPE (\S+) (\S+)$", text.decode(), re.MULTILINE)
        if not match[1].startswith("process_")
    }
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", page, re.MULTILINE)
    assert {name: kind for name, kind, _ in rows} == told
    system = set(re.findall(r"^# TYPE (process_\S+)", text.decode(), re.MULTILINE))
    assert set(re.findall(r"`(process_\w+)`", page)) == system


async def test_openmetrics_is_spoken_to_whoever_asks_for_it() -> None:
    text, kind = await Metrics(Source(now, Figures(), tests=False)).text(
        "application/openmetrics-text;version=1.0.0"
    )
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


async def test_a_version_that_is_no_number_is_none_that_we_speak() -> None:
    text, kind = await Metrics(Source(now, Figures(), tests=False)).text(
        "application/openmetrics-text; version=abc"
    )
    assert kind.startswith("text/plain")
    assert b"serve_info" in text


class Answer:
    """What an ASGI application sent."""

    status: int
    body: bytes

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}

    async def take(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body = message["body"]


async def asked(
    *headers: tuple[bytes, bytes],
    is_open: bool = False,
    crowded: bool = False,
    method: str = "GET",
    path: str = "/metrics",
) -> Answer:
    snapshot = replace(
        world().snapshot,
        keys={
            READER.prefix: Key(READER.hashed, "prometheus", frozenset({"read"}), None),
            ROBOT.prefix: Key(ROBOT.hashed, "robot", frozenset({"predict"}), None),
        },
    )
    metrics = Metrics(Source(now, Figures(), tests=False))
    application = Scraped(
        lambda: metrics, Access(lambda: snapshot, is_open=is_open), crowded=crowded
    )
    answer = Answer()
    scope = {"type": "http", "path": path, "method": method, "headers": headers}

    async def receive() -> Any:
        raise AssertionError("nobody reads a body")

    await application(scope, receive, answer.take)
    return answer


def shown(key: keys.NewKey) -> tuple[bytes, bytes]:
    return b"authorization", f"Api-Key {key.text}".encode()


async def test_a_key_that_may_read_opens_it_and_no_other() -> None:
    assert (await asked(shown(READER))).status == 200
    assert (await asked(shown(ROBOT))).status == 403
    refused = await asked()
    assert (refused.status, refused.headers[b"www-authenticate"]) == (401, b"Api-Key")


async def test_in_the_open_profile_it_is_open_to_those_who_name_us() -> None:
    assert (await asked(HOST, is_open=True)).status == 200
    assert (await asked((b"host", b"evil.example"), is_open=True)).status == 400


async def test_a_head_is_an_answer_without_its_body() -> None:
    answer = await asked(HOST, is_open=True, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers[b"content-length"]) > 100


async def test_nothing_else_is_answered_there() -> None:
    assert (await asked(HOST, is_open=True, method="POST")).status == 404
    assert (await asked(HOST, is_open=True, path="/api/v1/")).status == 404


async def test_a_port_of_several_processes_says_where_to_ask() -> None:
    answer = await asked(HOST, is_open=True, crowded=True)
    assert answer.status == 404
    assert b"WEIR_METRICS_PORT" in answer.body


async def test_what_is_dear_is_read_once_for_many() -> None:
    reads = 0

    async def read() -> int:
        nonlocal reads
        await asyncio.sleep(0)
        reads += 1
        return reads

    lately = Lately(read)
    assert await asyncio.gather(*[lately.get() for _ in range(20)]) == [1] * 20
    assert await lately.get() == 1
    assert lately.age is not None


async def test_after_a_while_it_is_read_again() -> None:
    moments = iter([datetime.now(UTC), datetime.now(UTC)])

    async def read() -> datetime:
        return next(moments)

    lately = Lately(read, age=0.0)
    assert await lately.get() != await lately.get()


async def test_nobody_waits_for_a_database_that_hangs() -> None:
    never = asyncio.Event()
    values = ["at first"]

    async def read() -> str:
        if not values:
            await never.wait()
        return values.pop()

    lately = Lately(read, age=0.0, patience=0.01)
    assert await lately.get() == "at first"
    assert await lately.get() == "at first"
    assert await lately.get() == "at first"
