"""Models are swapped under load: nobody notices, and every answer names who gave it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import Any

import httpx

from tests import servers
from tests.e2e.rows import query
from tests.servers import Server

PATH = "/api/v1/breast_cancer/predict"
SWAPS = 30


async def ask_until(done: asyncio.Event, url: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Every answer, which must be one."""
    answers = []
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        while not done.is_set():
            answer = await client.post(PATH, json=record)
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())
    return answers


async def test_promotions_under_load_fail_no_request(
    data: Any, record: dict[str, Any], mode: servers.Mode
) -> None:
    with Server(data, mode=mode) as server:
        done = asyncio.Event()
        asking = [asyncio.ensure_future(ask_until(done, server.url, record)) for _ in range(8)]
        async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
            for swap in range(SWAPS):
                wanted = 2 - swap % 2
                body = {"status": "production", "created_by": "t", "parent_mlalgorithm": wanted}
                changed = await client.post("/api/v1/mlalgorithmstatuses", json=body)
                assert changed.status_code == 201, changed.text
                answer = (await client.post(PATH, json=record)).json()
                assert answer["algorithm"] == wanted  # in force when the caller was told so
        done.set()
        answers = [answer for each in await asyncio.gather(*asking) for answer in each]
    given = Counter((answer["algorithm"], answer["probability"]) for answer in answers)
    assert len(given) == 2  # each algorithm always said the same, and neither the other's
    rows = query(data, "select id, parent_mlalgorithm_id from inference_mlrequest")
    logged = dict(rows)
    assert all(logged[answer["request_id"]] == answer["algorithm"] for answer in answers)


def test_a_damaged_bundle_never_replaces_one_that_serves(
    data: Any, record: dict[str, Any], mode: servers.Mode
) -> None:
    with Server(data, mode=mode) as server, httpx.Client(base_url=server.url, timeout=20) as client:
        before = client.post(PATH, json=record).json()
        with closing(sqlite3.connect(data / "weir.sqlite3")) as database:
            (key,) = database.execute(
                "select bundle from inference_mlalgorithm where id = 2"
            ).fetchone()
        bundle = data / "bundles" / key
        damaged = bytearray(bundle.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        bundle.write_bytes(bytes(damaged))
        for status in ("retired", "testing"):  # so that it has to be loaded again
            body = {"status": status, "created_by": "t", "parent_mlalgorithm": 2}
            assert client.post("/api/v1/mlalgorithmstatuses", json=body).status_code == 201
        refused = client.post(f"{PATH}?status=testing", json=record)
        assert (refused.status_code, refused.json()["code"]) == (503, "model_unavailable")
        after = client.post(PATH, json=record).json()
        assert after["probability"] == before["probability"]
        assert client.get("/readyz").status_code == 200


def test_registering_another_model_needs_no_restart(
    data: Any, record: dict[str, Any], mode: servers.Mode
) -> None:
    with Server(data, mode=mode) as server, httpx.Client(base_url=server.url, timeout=20) as client:
        servers.manage(data, "demo", "digits")
        deadline = time.monotonic() + 10
        while (served := client.get("/api/v1/operations").json())["endpoints"]:
            if "digits" in {endpoint["name"] for endpoint in served["endpoints"]}:
                break
            assert time.monotonic() < deadline, "the registry did not follow"
            assert client.post(PATH, json=record).status_code == 200
        record = client.get("/api/v1/endpoints/2/schema").json()
        assert record["target"]["task"] in {"multiclass", "regression"}
