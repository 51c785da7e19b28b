"""The Open Inference Protocol, asked of the application in this process."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference import calls
from inference.access import Https
from inference.core.census import Requests
from inference.core.presence import NO_LANE, Beat
from inference.core.tensors import Tensors
from inference.core.types import LogMode
from inference.engine.base import EngineStats, LaneStats
from inference.engine.remote import RemoteLane
from inference.gateway import Limits
from inference.registry import Key
from tests.dataplane.deployments import HEAD, KEY, MOST, SIZE, Site, asked, site
from tests.inference.fakes import IDLE
from tests.inference.gateways import TREES, Echo, world

INFER = "/v2/models/e/infer"
A = {"name": "a", "shape": [2], "datatype": "FP32", "data": [0.25, 0.75]}
B = {"name": "b", "shape": [2], "datatype": "BYTES", "data": ["x", "new"]}
Call = tuple[str, str]
ROUTES: list[tuple[str, str, str]] = [
    ("GET", "/v2/health/live", ""),
    ("GET", "/v2/health/ready", ""),
    ("GET", "/v2", "predict"),
    ("GET", "/v2/", "predict"),
    ("GET", "/v2/models", "read"),
    ("GET", "/v2/models/stats", "read"),
    ("GET", "/v2/models/e", "predict"),
    ("GET", "/v2/models/e/versions/1.0", "predict"),
    ("GET", "/v2/models/e/ready", "predict"),
    ("POST", INFER, "predict"),
    ("POST", "/v2/models/e/versions/1.0/infer", "predict"),
    ("GET", "/v2/models/e/stats", "read"),
    ("POST", "/v2/repository/index", "read"),
    ("POST", "/v2/repository/models/e/load", "manage"),
    ("GET", "/v2/models/e/config", "read"),
    ("POST", "/v2/repository/models/e/unload", "manage"),
]


def squeezed(body: bytes) -> bytes:
    """Without the time: two workers must find the same tests."""
    return gzip.compress(body, mtime=0)


def said(*inputs: dict[str, Any], **other: Any) -> bytes:
    return json.dumps({"inputs": list(inputs), **other}).encode()


def matrix(values: Any) -> dict[str, Any]:
    array = np.array(values)
    return {"name": "m", "shape": array.shape, "datatype": "FP64", "data": array.ravel().tolist()}


@pytest.fixture
async def here() -> AsyncIterator[Site]:
    async with site(world(LogMode.STRICT)) as found:
        yield found


# -- predictions -----------------------------------------------------------------------------------


async def test_columns_by_name_as_json(here: Site) -> None:
    reply = await here.ask("POST", INFER, said(A, B, id="one"))

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json["model_name"] == "e"
    assert reply.json["model_version"] == "1.0"
    assert reply.json["id"] == "one"
    assert reply.json["parameters"] == {"algorithm": 1}
    assert reply.outputs == {
        "label": ["no", "yes"],
        "probabilities": [[0.75, 0.25], [0.25, 0.75]],
        "request_id": [row.id for row in here.world.log],
    }
    assert [row.response for row in here.world.log] == ["no", "yes"]
    assert json.loads(here.world.log[1].input_data) == {"a": 0.75, "b": "new"}


async def test_a_matrix_as_bytes_and_an_answer_as_bytes(here: Site) -> None:
    array = np.array([[0.25, 0], [0.75, 2]], "<f4")
    parameters = {SIZE: array.nbytes}
    head = said(
        {"name": "x", "shape": [2, 2], "datatype": "FP32", "parameters": parameters},
        parameters={"binary_data_output": True},
    )
    reply = await here.ask(
        "POST", INFER, head + array.tobytes(), inference_header_content_length=str(len(head))
    )

    assert (reply.status, reply.headers["content-type"]) == (200, "application/octet-stream")
    assert HEAD in reply.headers
    assert reply.outputs["label"] == [b"no", b"yes"]
    assert reply.outputs["probabilities"] == [[0.75, 0.25], [0.25, 0.75]]


async def test_only_what_is_asked_for_is_answered(here: Site) -> None:
    outputs = [{"name": "label", "parameters": {"binary_data": True}}, {"name": "request_id"}]
    reply = await here.ask("POST", INFER, said(A, outputs=outputs))
    assert list(reply.outputs) == ["label", "request_id"]
    assert reply.outputs["label"] == [b"no", b"yes"]


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/plain", "application/json; charset=utf-16"]
)
async def test_no_content_type_is_looked_at(here: Site, kind: str) -> None:
    headers = {"content_type": kind} if kind else {}
    assert (await here.ask("POST", INFER, said(A), **headers)).status == 200


async def test_a_query_is_ignored_but_for_the_subject(here: Site) -> None:
    await here.ask("POST", f"{INFER}?test_1=1&test_2=2&version=9", said(A))
    await here.ask("POST", f"{INFER}?subject=bob&x", said(A))
    await here.ask("POST", f"{INFER}?subject=bob", said(A), x_subject="ann")
    assert [row.subject for row in here.world.log] == ["", "", "bob", "bob", "ann", "ann"]


async def test_all_rows_of_a_request_get_one_arm() -> None:
    async with site(world(LogMode.STRICT, experiment=True)) as here:
        rows = matrix([[0.5, 0]] * 20)
        for _ in range(8):
            reply = await here.ask("POST", INFER, said(rows))
            arms = {row.arm_id for row in here.world.log[-20:]}
            assert arms == {{"1.0": 70, "1.1": 71}[reply.json["model_version"]]}
        assert {row.arm_id for row in here.world.log} == {70, 71}


async def test_a_version_is_asked_for_whatever_its_status(here: Site) -> None:
    reply = await here.ask("POST", "/v2/models/e/versions/1.1/infer", said(A))
    assert (reply.json["model_version"], reply.json["parameters"]) == ("1.1", {"algorithm": 2})
    reply = await here.ask("POST", "/v2/models/e/versions/1.0/infer", said(A))
    assert reply.json["model_version"] == "1.0"


async def test_a_version_that_two_have_is_whoever_is_in_use(here: Site) -> None:
    of = here.snapshot.endpoints["e"]
    first, second = of.algorithms
    twins = (replace(first, status="testing"), replace(second, version="1.0"))
    here.world.snapshot = replace(
        here.snapshot, endpoints={"e": replace(of, algorithms=(first, twins[1]))}
    )
    reply = await here.ask("POST", "/v2/models/e/versions/1.0/infer", said(A))
    assert reply.json["parameters"] == {"algorithm": 1}
    here.world.snapshot = replace(here.snapshot, endpoints={"e": replace(of, algorithms=twins)})
    reply = await here.ask("POST", "/v2/models/e/versions/1.0/infer", said(A))
    assert (reply.status, reply.json["code"]) == (400, "ambiguous")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", squeezed), ("deflate", zlib.compress)])
async def test_packed_bodies_and_answers(here: Site, encoding: str, pack: Any) -> None:
    rows = said(matrix([[0.5, 0]] * 200))
    reply = await here.ask(
        "POST", INFER, pack(rows), content_encoding=encoding, accept_encoding=encoding
    )
    assert (reply.status, reply.headers["content-encoding"]) == (200, encoding)
    plain = zlib.decompress(reply.body, 47)
    assert len(json.loads(plain)["outputs"][0]["data"]) == 200


async def test_a_small_answer_is_not_packed(here: Site) -> None:
    reply = await here.ask("POST", INFER, said(A), accept_encoding="gzip, deflate")
    assert "content-encoding" not in reply.headers
    assert reply.status == 200


async def test_a_body_that_is_nothing_but_the_tensor_needs_a_model_that_takes_one(
    here: Site,
) -> None:
    reply = await here.ask("POST", INFER, bytes(16), inference_header_content_length="0")
    assert (reply.status, reply.json["code"]) == (400, "request_invalid")


async def test_a_timeout_is_the_deadline(here: Site) -> None:
    reply = await here.ask("POST", INFER, said(A, parameters={"timeout": 10**15}))
    assert reply.status == 200


async def test_a_priority_is_taken(here: Site) -> None:
    for priority in (0, 1, 2):
        reply = await here.ask("POST", INFER, said(A, parameters={"priority": priority}))
        assert reply.status == 200


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "sentence"),
    [
        ("/v2/models/f/infer", said(A), 404, "not_served", "There is no model 'f'."),
        ("/v2/models/e/versions/9/infer", said(A), 404, "not_served", "has no version '9'"),
        (INFER, b"", 400, "request_invalid", "no body"),
        (INFER, b"{", 400, "json_invalid", "JSON parse error"),
        (INFER, b"{}", 400, "request_invalid", "`inputs`"),
        (INFER, said(A, outputs=[{"name": "x"}]), 400, "request_invalid", "no output 'x'"),
        (INFER, said({**A, "shape": [3]}), 400, "row_invalid", "'a'"),
        (INFER, said({**A, "data": [1, 1e39]}), 400, "row_invalid", "(row 1, 'a')"),
        (INFER, said(A, {**B, "shape": [1], "data": ["x"]}), 400, "row_invalid", "same first"),
        (INFER, said(matrix([[1.0, 2.0, 3.0]])), 400, "row_invalid", "shape [rows, 2]"),
        (INFER, said({**A, "name": "z"}, B | {"name": "y"}), 400, "row_invalid", "None of"),
        (INFER, said(matrix([[0, 0], [0, 5]])), 400, "row_invalid", "(row 1, 'b')"),
        (INFER, said(A, parameters={"priority": "1"}), 400, "request_invalid", "priority"),
        (INFER, said(A, parameters={"sequence_id": 1}), 501, "unsupported", "sequence_id"),
        (INFER, said(A) + b" " * MOST, 413, "too_large", "bytes"),
        (f"{INFER}?subject={'s' * 129}", said(A), 400, "row_invalid", "subject"),
        ("/v2/models/e/generate", b"", 404, "not_found", "nothing at this path"),
        ("/v2/models/e/config", b"", 405, "method_not_allowed", "GET is"),
        ("/v2/repository/models/e/unload", b"", 501, "unsupported", "retire"),
        ("/v2/repository/models/f/unload", b"", 404, "not_served", "no model"),
        ("/v2/repository/models/f/load", b"", 404, "not_served", "no model"),
        (
            "/v2/repository/models/e/load",
            b'{"parameters": {"config": "{}"}}',
            501,
            "unsupported",
            "no parameters",
        ),
        ("/v2/repository/models/e/load", b"[]", 400, "request_invalid", "JSON object"),
        ("/v2/repository/index", b"{", 400, "request_invalid", "JSON object"),
    ],
)
async def test_a_refusal_has_a_sentence_a_code_and_a_status(
    here: Site, path: str, body: bytes, status: int, code: str, sentence: str
) -> None:
    reply = await here.ask("POST", path, body)

    assert (reply.status, reply.json["code"]) == (status, code)
    assert sentence in reply.json["error"]
    assert reply.headers["content-type"] == "application/json"
    assert here.world.log == []


@pytest.mark.parametrize("text", ["x", "-1", "99999", "1e3", "9" * 30])
async def test_a_header_s_length_must_be_one(here: Site, text: str) -> None:
    reply = await here.ask("POST", INFER, said(A), inference_header_content_length=text)
    assert (reply.status, reply.json["code"]) == (400, "request_invalid")


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("br", b"x", 415),
        ("gzip", b"x", 400),
        ("gzip", squeezed(bytes(MOST + 1)), 413),
        ("deflate", zlib.compress(bytes(100 * MOST)), 413),
    ],
)
async def test_packed_bodies_are_bounded(
    here: Site, encoding: str, body: bytes, status: int
) -> None:
    assert (await here.ask("POST", INFER, body, content_encoding=encoding)).status == status


async def test_too_many_rows_are_too_large() -> None:
    async with site(world(LogMode.STRICT), Limits(rows=3)) as here:
        reply = await here.ask("POST", INFER, said(matrix([[0.5, 0]] * 4)))
        assert (reply.status, reply.json["code"]) == (413, "too_large")


async def test_a_row_that_the_model_refuses_fails_the_request_and_is_logged() -> None:
    def picky(tensors: Tensors) -> None:
        if np.asarray(tensors[0], dtype=np.float64)[:, 0].max() > 0.5:
            raise ValueError("not this one")

    async with site(world(LogMode.STRICT, Echo(1, fails=picky), Echo(2))) as here:
        reply = await here.ask("POST", INFER, said(A))
        assert (reply.status, reply.json["code"]) == (400, "model_rejected_row")
        assert reply.json["row"] == 1
        assert [row.error_code for row in here.world.log] == ["", "model_rejected_row"]


async def test_a_broken_model_is_our_fault() -> None:
    def broken(_: Tensors) -> None:
        raise RuntimeError("secret")

    async with site(world(LogMode.STRICT, Echo(1, fails=broken), Echo(2))) as here:
        reply = await here.ask("POST", INFER, said(A))
        assert (reply.status, reply.json["code"]) == (500, "model_error")
        assert "secret" not in reply.json["error"]


async def test_what_passes_is_said_with_when_to_come_back(here: Site) -> None:
    here.gateway.draining = True
    reply = await here.ask("POST", INFER, said(A))
    assert (reply.status, reply.json["code"]) == (503, "draining")
    assert reply.headers["retry-after"] == "1"


async def test_a_model_that_would_not_load_is_unavailable() -> None:
    async with site(world(LogMode.STRICT, None, Echo(2))) as here:
        reply = await here.ask("POST", INFER, said(A))
        assert (reply.status, reply.json["code"]) == (503, "model_unavailable")
        assert reply.json["error"] == "It would not load."


async def test_too_little_time_is_504() -> None:
    async with site(world(LogMode.STRICT)) as here:
        assert (await here.ask("POST", INFER, said(A))).status == 200
        reply = await here.ask("POST", INFER, said(A, parameters={"timeout": 1}))
        assert (reply.status, reply.json["code"]) == (504, "deadline_exceeded")


async def test_what_nobody_expected_is_a_sentence_not_a_trace(
    here: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(here.gateway, "begin", broken)
    reply = await here.ask("POST", INFER, said(A))
    assert (reply.status, reply.json["code"]) == (500, "model_error")
    assert "secret" not in reply.json["error"]
    assert "ZeroDivisionError" in caplog.text


# -- methods, keys, hosts --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize(("right", "path", "_scope"), ROUTES)
async def test_another_method_is_refused(
    here: Site, method: str, right: str, path: str, _scope: str
) -> None:
    allowed = ["GET", "HEAD"] if right == "GET" else [right]
    if method in allowed:
        return
    reply = await here.ask(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, ", ".join(allowed))
    assert method in reply.json["error"]


@pytest.mark.parametrize("path", [path for method, path, _ in ROUTES if method == "GET"])
async def test_who_asks_for_the_head_alone_is_told_as_by_get(here: Site, path: str) -> None:
    """Load balancers do; what serves us leaves the body out."""
    told, whole = await here.ask("HEAD", path), await here.ask("GET", path)

    assert (told.status, told.headers) == (whole.status, whole.headers)


@pytest.mark.parametrize("scopes", [(), ("predict",), ("read",), ("manage",), ("feedback",)])
@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
async def test_a_key_opens_what_its_scopes_say(
    here: Site, method: str, path: str, needed: str, scopes: tuple[str, ...]
) -> None:
    here.is_open = False
    key = Key(KEY.hashed, "robot", frozenset(scopes), None)
    here.world.snapshot = replace(here.snapshot, keys={KEY.prefix: key})
    body = said(A) if path.endswith("infer") else b""

    without = await here.ask(method, path, body)
    with_key = await here.ask(method, path, body, authorization=f"Api-Key {KEY.text}")

    assert without.status == (401 if needed else 200)
    if needed:
        assert without.headers["www-authenticate"] == "Api-Key"
    allowed = not needed or needed in scopes
    assert (with_key.status in {200, 501}) is allowed
    assert allowed or with_key.json["code"] == "forbidden"


async def test_another_host_is_refused(here: Site) -> None:
    reply = await asked(here.application(), "GET", "/v2", b"", {"host": "evil.example"})
    assert (reply.status, reply.json["code"]) == (400, "host_refused")


@pytest.mark.parametrize("path", ["/", "/v1", "/v20", "/v2x/models", "/api/v2/models"])
async def test_the_rest_goes_on(here: Site, path: str) -> None:
    assert (await here.ask("GET", path)).status == 418


async def test_where_https_is_demanded_django_sends_there(here: Site) -> None:
    application = here.application(https=Https(required=True, proxied=True))
    assert (await asked(application, "GET", "/v2", b"", {})).status == 418
    headers = {"x-forwarded-proto": "https"}
    assert (await asked(application, "GET", "/v2", b"", headers)).status == 200


async def test_a_client_that_hangs_up_is_not_answered(here: Site) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"method": "POST", "path": INFER, "query_string": b"", "scheme": "http"}
    headers = [(b"host", b"localhost")]
    await here.application()({**scope, "headers": headers}, receive, send)
    assert sent == []


# -- what is served --------------------------------------------------------------------------------


async def test_the_server_says_what_it_is(here: Site) -> None:
    for path in ("/v2", "/v2/"):
        reply = await here.ask("GET", path)
        assert reply.json == {
            "name": "weir",
            "version": "1.2.3",
            "extensions": ["binary_tensor_data", "model_repository", "statistics"],
        }


async def test_health_is_200_only_when_all_is_well(here: Site) -> None:
    assert (await here.ask("GET", "/v2/health/live")).json == {"live": True}
    assert (await here.ask("GET", "/v2/health/ready")).json == {"live": True, "ready": True}
    here.ailing = "it is shutting down"
    reply = await here.ask("GET", "/v2/health/ready")
    assert reply.status == 503
    assert reply.json == {"live": True, "ready": False, "error": "it is shutting down"}
    assert (await here.ask("GET", "/v2/health/live")).status == 200
    assert (await here.ask("GET", "/v2/models/e/ready")).status == 503


async def test_a_model_says_what_it_takes_and_gives(here: Site) -> None:
    assert (await here.ask("GET", "/v2/models")).json == {"models": ["e"]}
    reply = await here.ask("GET", "/v2/models/e")
    assert reply.json == {
        "name": "e",
        "versions": ["1.0", "1.1"],
        "platform": "weir",
        "inputs": [
            {"name": "a", "datatype": "FP64", "shape": [-1]},
            {"name": "b", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
            {"name": "request_id", "datatype": "INT64", "shape": [-1]},
        ],
    }
    assert (await here.ask("GET", "/v2/models/e/versions/1.1")).json == reply.json
    assert (await here.ask("GET", "/v2/models/f")).status == 404
    assert (await here.ask("GET", "/v2/models/e/versions/9")).status == 404


async def test_a_model_is_ready_when_it_would_answer() -> None:
    async with site(world(LogMode.STRICT, Echo(1), None)) as here:
        assert (await here.ask("GET", "/v2/models/e/ready")).json == {"name": "e", "ready": True}
        reply = await here.ask("GET", "/v2/models/e/versions/1.1/ready")
        assert (reply.status, reply.json["ready"]) == (503, False)
        assert reply.json["error"] == "It would not load."
        assert (await here.ask("GET", "/v2/models/f/ready")).status == 404


async def test_without_anything_in_production_a_model_is_not_ready(here: Site) -> None:
    of = here.snapshot.endpoints["e"]
    none = replace(of, algorithms=(TREES,))
    here.world.snapshot = replace(here.snapshot, endpoints={"e": none})
    assert (await here.ask("GET", "/v2/models/e/ready")).status == 503
    assert (await here.ask("GET", "/v2/models/e")).status == 200
    assert (await here.ask("POST", INFER, said(A))).status == 404
    empty = replace(of, algorithms=())
    here.world.snapshot = replace(here.snapshot, endpoints={"e": empty})
    assert (await here.ask("GET", "/v2/models/e")).status == 404


async def test_the_index_says_the_state_of_each_version() -> None:
    async with site(world(LogMode.STRICT, Echo(1), None)) as here:
        reply = await here.ask("POST", "/v2/repository/index")
        assert reply.json == [
            {"name": "e", "version": "1.0", "state": "READY", "reason": ""},
            {
                "name": "e",
                "version": "1.1",
                "state": "UNAVAILABLE",
                "reason": "It would not load.",
            },
        ]
        reply = await here.ask("POST", "/v2/repository/index", b'{"ready": true}')
        assert [each["version"] for each in reply.json] == ["1.0"]


async def test_to_load_what_is_served_is_nothing_to_do(here: Site) -> None:
    reply = await here.ask("POST", "/v2/repository/models/e/load", b'{"parameters": {}}')
    assert (reply.status, reply.json, here.looks) == (200, {}, 0)


async def test_to_load_what_is_not_served_is_to_look_again() -> None:
    async with site(world(LogMode.STRICT, None, Echo(2))) as here:
        reply = await here.ask("POST", "/v2/repository/models/e/load")
        assert (reply.status, reply.json["error"]) == (503, "It would not load.")
        assert here.looks == 1


def beat(*, serves: tuple[int, ...], failures: dict[int, str]) -> Beat:
    return Beat(
        number=1,
        version=1,
        host="h",
        pid=1,
        rss_mb=1.0,
        rate=0.0,
        shard=0,
        draining=False,
        healthy=True,
        dead=0,
        lanes=dict.fromkeys(serves, NO_LANE),
        failures=failures,
    )


async def test_where_workers_hold_the_models_one_must_have_it(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = {2: "it is torn"}
    workers = {"w": beat(serves=(1,), failures=failures)}
    stats = EngineStats({}, None, False, True, "", workers, failures)
    monkeypatch.setattr(here.engine, "stats", lambda: stats)
    assert (await here.ask("GET", "/v2/models/e/ready")).status == 200
    reply = await here.ask("GET", "/v2/models/e/versions/1.1/ready")
    assert (reply.status, reply.json["error"]) == (503, "it is torn")
    stats = EngineStats({}, None, False, True, "", {}, {})
    reply = await here.ask("GET", "/v2/models/e/ready")
    assert (reply.status, reply.json["error"]) == (503, "No worker has loaded this model.")


async def test_statistics_are_of_the_models_that_ran(here: Site) -> None:
    before = await here.ask("GET", "/v2/models/e/stats")
    assert [each["version"] for each in before.json["model_stats"]] == ["1.0", "1.1"]
    assert (await here.ask("GET", "/v2/models/f/stats")).status == 404
    assert (await here.ask("GET", "/v2/models/e/versions/9/stats")).status == 404
    reply = await here.ask("GET", "/v2/models/e/versions/1.1/stats")
    assert [each["version"] for each in reply.json["model_stats"]] == ["1.1"]
    assert (await here.ask("GET", "/v2/models/stats")).json == before.json


async def test_statistics_count_rows_batches_and_requests(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = replace(
        IDLE,
        predictions=40,
        batches=10,
        refused=2,
        expired=1,
        jobs=20,
        answer_seconds=0.5,
        queue_seconds=0.25,
        compute_seconds=0.125,
    )
    lanes: dict[Hashable, LaneStats] = {
        RemoteLane("a", 1): lane,
        RemoteLane("b", 1): lane,
        RemoteLane("", 9): lane,
    }
    monkeypatch.setattr(here.engine, "stats", lambda: EngineStats(lanes, None, False, True))

    (found,) = (await here.ask("GET", "/v2/models/e/versions/1.0/stats")).json["model_stats"]

    assert (found["inference_count"], found["execution_count"]) == (80, 20)
    assert found["inference_stats"]["success"] == {"count": 40, "ns": 1_000_000_000}
    assert found["inference_stats"]["fail"] == {"count": 6, "ns": 0}
    assert found["inference_stats"]["queue"] == {"count": 40, "ns": 500_000_000}
    assert found["inference_stats"]["compute_infer"] == {"count": 20, "ns": 250_000_000}


async def test_what_the_engine_did_is_counted(here: Site) -> None:
    for _ in range(3):
        await here.ask("POST", INFER, said(A))
    (lane,) = here.engine.stats().lanes.values()
    assert (lane.jobs, lane.predictions) == (3, 6)
    assert lane.answer_seconds > lane.queue_seconds > 0
    assert lane.compute_seconds > 0


async def test_each_inference_is_counted_at_its_door(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Requests("v2")
    monkeypatch.setattr(calls, "V2", counted)
    calls.install(lambda name: name == "e")
    await here.ask("POST", INFER, said(A))
    await here.ask("POST", INFER, b"{")
    await here.ask("POST", "/v2/models/f/infer", said(A))
    calls.install(lambda _: False)
    assert {(each.model, each.version, each.outcome) for each, _ in counted.series()} == {
        ("e", "1.0", "ok"),
        ("e", "", "json_invalid"),
        ("", "", "not_served"),
    }
