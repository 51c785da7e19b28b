"""What real processes tell of themselves, in both modes and from several ports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests import servers
from tests.processes import IN_TIME, until
from tests.servers import Mode, Server
from tests.test_metrics import of, samples

NAME = "breast_cancer"
PATH = f"/api/v1/{NAME}/predict"
ALGORITHM = {"model": NAME, "version": "0.0.1"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def told(prepared: Path, mode: Mode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a port for the metrics of whoever computes, and a line for each request."""
    data = servers.copy(prepared, tmp_path_factory.mktemp("told") / "data")
    aside = {"WEIR_METRICS_PORT": str(servers.free_port())} if mode == "redis" else {}
    with Server(data, mode=mode, env={"WEIR_ACCESS_LOG": "json"}, worker_env=aside) as running:
        yield running


def scraped(server: Server) -> dict[Any, float]:
    """What all processes of a deployment tell; where two tell the same it is added up."""
    found: dict[Any, float] = {}
    ports = [server.port, *map(int, filter(None, [server.worker_env.get("WEIR_METRICS_PORT")]))]
    for port in ports:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        for key, value in samples(answer.text).items():
            found[key] = found.get(key, 0.0) + value
    return found


def total(found: dict[Any, float], name: str, **labels: str) -> float:
    """Over all series of that name with those labels."""
    return sum(
        value
        for (each, *its), value in found.items()
        if each == name and labels.items() <= dict(its).items()
    )


def since(
    server: Server, before: dict[Any, float], until: Callable[[Callable[..., float]], bool]
) -> Callable[..., float]:
    """How much each grew, once it is as it should be: a batch is counted after its answer left."""
    deadline = time.monotonic() + IN_TIME
    while True:
        after = scraped(server)

        def grown(name: str, **labels: str) -> float:
            return total(after, name, **labels) - total(before, name, **labels)  # noqa: B023  # used at once

        if until(grown) or time.monotonic() > deadline:
            return grown


def post_twelve(server: Server, record: dict[str, Any]) -> None:
    """Twelve requests: nine are answered, with ten rows that a model runs on and one that fails."""
    with httpx.Client(base_url=server.url, timeout=20) as http:
        for _ in range(7):
            assert http.post(PATH, json=record).status_code == 200
        assert http.post(PATH, json=[record, record, {"worst_area": "x"}]).status_code == 200
        assert http.post(PATH, data={"worst_area": "1600"}).status_code == 200
        assert http.post(PATH, content=b"{", headers=JSON).status_code == 400
        assert http.post(f"/api/v1/made-up/{NAME}/predict", json=record).status_code == 400
        assert http.post("/api/v1/made-up/predict", json=record).status_code == 400


def stream_five(server: Server, record: dict[str, Any]) -> None:
    with connect(f"{server.ws}/ws/v1/predict/{NAME}") as socket:
        socket.recv(timeout=10)
        for number in range(5):
            socket.send(json.dumps({"id": number, "record": record}))
            socket.recv(timeout=10)


def test_each_request_is_counted_once_wherever_it_came_in(
    told: Server, record: dict[str, Any]
) -> None:
    before = scraped(told)
    post_twelve(told, record)
    stream_five(told, record)
    grown = since(told, before, lambda grown: grown("serve_inferences_total") >= 15)

    ok = {**ALGORITHM, "outcome": "ok"}
    assert grown("serve_requests_total", transport="rest", **ok) == 7
    assert grown("serve_requests_total", transport="rest", outcome="partial", **ALGORITHM) == 1
    assert grown("serve_requests_total", transport="django", **ok) == 1
    assert grown("serve_requests_total", transport="ws", **ok) == 5
    assert grown("serve_requests_total", model=NAME, outcome="json_invalid") == 1
    assert grown("serve_requests_total", model="", outcome="not_served") == 2
    assert grown("serve_requests_total") == 17
    assert grown("serve_request_seconds_count") == 17


def test_each_row_is_counted_once_where_the_model_ran(told: Server, record: dict[str, Any]) -> None:
    before = scraped(told)
    post_twelve(told, record)
    stream_five(told, record)
    grown = since(told, before, lambda grown: grown("serve_inferences_total") >= 15)

    assert grown("serve_inferences_total", **ALGORITHM) == 15
    batches = grown("serve_batches_total")
    assert 1 <= batches <= 14
    assert grown("serve_batch_size_count") == batches
    assert grown("serve_batch_size_sum") == 15
    assert grown("serve_inference_seconds_count") == batches
    assert 0 < grown("serve_inference_seconds_sum") < 10
    assert grown("serve_queue_seconds_count") == batches
    assert grown("serve_log_rows_total") == 16  # the row that did not fit is logged as well
    assert total(scraped(told), "serve_pending_rows") == 0


def test_a_socket_is_counted_while_it_is_open(told: Server) -> None:
    with connect(f"{told.ws}/ws/v1/predict/{NAME}") as socket:
        socket.recv(timeout=10)
        assert total(scraped(told), "serve_ws_clients") == 1


def test_a_test_is_told_of_by_its_arms(told: Server, record: dict[str, Any]) -> None:
    with httpx.Client(base_url=told.url, timeout=20) as http:
        ids = [each["id"] for each in http.get("/api/v1/mlalgorithms").json()][:2]
        arms = {f"parent_mlalgorithm_{n}": each for n, each in enumerate(ids, start=1)}
        asked = {"title": "t", "created_by": "tests", **arms}
        begun = http.post("/api/v1/abtests", json=asked)
        assert begun.status_code == 201, begun.text
        try:
            http.post(PATH, json=[record] * 40)
            before: dict[Any, float] = {}
            grown = since(told, before, lambda grown: grown("ab_exposures_total") == 40)
        finally:
            http.post(f"/api/v1/stop_ab_test/{begun.json()['id']}")

    assert grown("ab_exposures_total") == 40
    assert grown("ab_exposures_total", arm="1") > 0
    assert grown("ab_exposures_total", arm="2") > 0
    assert 0 < grown("ab_srm_pvalue") <= 1


def test_each_request_has_a_line_and_nothing_secret_is_in_it(
    told: Server, record: dict[str, Any]
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Subject": "hush-hush"}
    query = {"subject": "hush-hush", "version": "0.0.1"}
    httpx.post(f"{told.url}{PATH}", json=[record] * 3, headers=headers, params=query)
    with connect(f"{told.ws}/ws/v1/predict/{NAME}?session=hush-hush-hush-hush") as socket:
        socket.recv(timeout=10)
        socket.send(json.dumps({"id": 1, "rows": [[1.0]]}))
        socket.recv(timeout=10)
    lines = _lines(told)

    (request,) = [line for line in lines if line["trace"] == trace]
    assert {name: request[name] for name in ("event", "method", "path", "status")} == {
        "event": "request",
        "method": "POST",
        "path": PATH,
        "status": 200,
    }
    assert (request["rows"], request["outcome"], request["remote"]) == (3, "ok", "127.0.0.1")
    assert request["ms"] > 0
    assert request["bytes"] > 100
    closed = [line for line in lines if line["event"] == "close"][-1]
    assert (closed["received"], closed["sent"], closed["status"]) == (1, 2, 1000)
    assert "hush-hush" not in told.log


def _lines(server: Server) -> list[dict[str, Any]]:
    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]

    until(lambda: lines()[-1:] != [] and lines()[-1]["event"] == "close", "the socket's end")
    return lines()


@pytest.mark.alone  # it takes several ports in a row, which others would take meanwhile
def test_several_web_processes_tell_their_own_numbers_on_ports_of_their_own(
    data: Path, record: dict[str, Any]
) -> None:
    servers.redis_or_not()
    first = _two_ports()
    env = {"WEB_CONCURRENCY": "2", "WEIR_METRICS_PORT": str(first)}
    with Server(data, mode="redis", env=env, worker_env={"WEIR_METRICS_PORT": ""}) as server:
        shared = httpx.get(f"{server.url}/metrics")
        for _ in range(20):  # a connection each, so that both get some
            assert httpx.post(f"{server.url}{PATH}", json=record).status_code == 200
        each = [
            samples(httpx.get(f"http://127.0.0.1:{first + number}/metrics").text)
            for number in range(2)
        ]

    assert (shared.status_code, shared.json()["code"]) == (404, "not_found")
    assert sum(total(found, "serve_requests_total", outcome="ok") for found in each) == 20
    assert {found[of("process_start_time_seconds")] for found in each} != {0.0}


def _two_ports() -> int:
    """The first of two that follow each other and were free a moment ago."""
    while True:
        first = servers.free_port()
        if servers.is_free(first + 1):
            return first
