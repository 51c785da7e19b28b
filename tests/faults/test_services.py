"""The services die and come back with what they promise to keep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.faults import services
from tests.faults.services import Postgres, Redis

pytestmark = pytest.mark.faults


@pytest.fixture
def data() -> Iterator[Path]:
    with services.folder() as path:
        yield path


@pytest.fixture
def server(data: Path) -> Iterator[Redis]:
    server = Redis(data)
    server.start()
    yield server
    server.end()


@pytest.fixture
def postgres(data: Path) -> Iterator[Postgres]:
    postgres = Postgres(data)
    postgres.start()
    yield postgres
    postgres.end()


def test_a_killed_redis_comes_back_at_the_same_port_with_its_file(server: Redis) -> None:
    server.client.set("kept", "yes")
    server.process.kill()
    with pytest.raises(redis.ConnectionError):
        server.client.ping()
    server.start()
    assert server.client.get("kept") == b"yes"


def test_a_redis_without_a_file_comes_back_empty(server: Redis) -> None:
    server.client.set("lost", "yes")
    server.process.kill()
    server.again(durable=False)
    assert server.client.get("lost") is None


def test_a_frozen_redis_answers_when_it_is_thawed(server: Redis) -> None:
    impatient = redis.Redis(port=server.port, socket_timeout=0.2)
    server.process.freeze()
    with pytest.raises(redis.TimeoutError):
        impatient.ping()
    server.process.thaw()
    assert server.client.ping()
    impatient.close()


def test_a_replica_has_what_its_primary_had(data: Path, server: Redis) -> None:
    replica = Redis(data, name="replica")
    replica.start()
    server.client.set("kept", "yes")
    replica.client.replicaof("127.0.0.1", str(server.port))
    replica.process.until(lambda: replica.client.get("kept") == b"yes")
    with pytest.raises(redis.ReadOnlyError):
        replica.client.set("mine", "no")
    replica.end()


def test_a_crashed_postgresql_keeps_what_was_committed(postgres: Postgres) -> None:
    postgres.query("postgres", "CREATE TABLE kept AS SELECT 7 AS number")
    postgres.crash()
    with pytest.raises(psycopg.OperationalError):
        postgres.query("postgres", "SELECT 1")
    postgres.start()
    assert postgres.query("postgres", "SELECT number FROM kept") == [(7,)]


def test_a_clone_has_the_rows_of_its_template(postgres: Postgres) -> None:
    postgres.query("postgres", "CREATE DATABASE prepared")
    postgres.query("prepared", "CREATE TABLE kept AS SELECT 7 AS number")
    postgres.clone("prepared", "run")
    assert postgres.query("run", "SELECT number FROM kept") == [(7,)]
