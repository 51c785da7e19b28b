"""A process that starts with an empty disk serves what was registered by another one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests import buckets, processes, redises, servers
from tests.servers import Server, Worker

PATH = "/api/v1/breast_cancer/predict"
# By the variables that every client of PostgreSQL reads.
POSTGRES = f"{os.environ.get('PGUSER', 'postgres')}@{os.environ.get('PGHOST', '127.0.0.1')}"


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database of the test's own."""
    name = f"weir_disk_{uuid.uuid4().hex[:8]}"
    try:
        connection = psycopg.connect(f"postgresql://{POSTGRES}/postgres", autocommit=True)
    except psycopg.OperationalError as error:
        processes.missing(f"PostgreSQL does not answer: {error}")
        raise
    with connection:
        connection.execute(f"create database {name}")
        yield f"postgres://{POSTGRES}/{name}"
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Of a server that cannot prove who it is, as the add-on's."""
    with redises.secured(tmp_path) as found:
        yield found.url


def test_dynos_need_three_variables_and_no_disk(
    database: str, redis_url: str, tmp_path: Path, record: dict[str, Any]
) -> None:
    three = {"SECRET_KEY": servers.SECRET, "DATABASE_URL": database, "REDIS_URL": redis_url}
    dyno = {"DYNO": "any.1", "WEIR_PROFILE": "", **three}
    released, served, worked = (_empty(tmp_path / name) for name in ("release", "web", "worker"))
    servers.manage(released, "migrate", "--verbosity", "0", env=dyno)
    servers.manage(released, "demo", "breast_cancer", env=dyno)
    key = servers.manage(released, "apikey", "create", "robot", env=dyno).strip()
    assert not (released / "bundles").exists()

    with (
        Worker(worked, dyno),
        Server(served, env=dyno) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        client.headers["Authorization"] = f"Api-Key {key}"
        client.headers["Host"] = "weir-1234.herokuapp.com"
        plain = client.post(PATH, json=record)
        routed = client.post(PATH, json=record, headers={"X-Forwarded-Proto": "https"})
        astray = client.post(
            PATH, json=record, headers={"X-Forwarded-Proto": "https", "Host": "weir.example"}
        )

    assert routed.status_code == 200, routed.text
    assert routed.json()["status"] == "OK"
    assert (plain.status_code, astray.status_code) == (301, 400)


def test_everything_has_a_connection_where_a_process_may_have_four(
    database: str, tmp_path: Path, record: dict[str, Any]
) -> None:
    env = {"DATABASE_URL": database, "WEIR_DATABASE_CONNECTIONS": "4"}
    data = tmp_path / "data"
    servers.manage(data, "migrate", "--verbosity", "0", env=env)
    servers.manage(data, "demo", "breast_cancer", env=env)

    with Server(data, env=env) as server, httpx.Client(base_url=server.url) as client:
        answer = client.post(PATH, json=record)
        later = client.post(PATH, json=record, headers={"Prefer": "respond-async, wait=10"})
        listed = client.get("/api/v1/endpoints")

    assert [each.status_code for each in (answer, later, listed)] == [200, 200, 200]


def _empty(disk: Path) -> Path:
    disk.mkdir()
    return disk


def test_models_come_from_the_bucket_after_a_restart_elsewhere(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    with buckets.bucket(tmp_path) as variables:
        env = {**variables, "WEIR_BUNDLES": buckets.ADDRESS}
        data = tmp_path / "data"
        servers.manage(data, "migrate", "--verbosity", "0", env=env)
        servers.manage(data, "demo", "breast_cancer", env=env)
        assert not (data / "bundles").exists()

        with Server(data, env=env) as server:
            answer = httpx.post(f"{server.url}{PATH}", json=record)

    assert answer.json()["status"] == "OK", answer.text
