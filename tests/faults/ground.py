"""What clusters are built on, and how one is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import servers
from tests.faults import models, nonces, services
from tests.faults.cluster import ENDPOINT, SWAPPED, Cluster, Shape, address
from tests.faults.proxy import Proxies
from tests.faults.services import Postgres, Redis

_TEMPLATE: Final = "prepared"
_DATABASE: Final = "weir"


@dataclass(frozen=True, slots=True)
class Ground:
    """What clusters are built on: PostgreSQL with a prepared database, and a folder of bundles."""

    data: Path
    marks: Path
    postgres: Postgres


@contextmanager
def prepared(*, keep: bool = False) -> Iterator[Ground]:
    """Migrated, with both versions on both endpoints; `keep` leaves logs and journals behind."""
    with services.folder(keep=keep) as data:
        marks = data / "marks"
        marks.mkdir()
        postgres = Postgres(data)
        postgres.start()
        try:
            postgres.query("postgres", f"CREATE DATABASE {_TEMPLATE}")
            _fill(data, marks, {"DATABASE_URL": address(postgres.port, _TEMPLATE)})
            yield Ground(data, marks, postgres)
        finally:
            postgres.end()


@contextmanager
def running(ground: Ground, shape: Shape, name: str = _DATABASE) -> Iterator[Cluster]:
    """A cluster of this shape with a database of its own."""
    with ExitStack() as stack:
        redis = Redis(ground.data, name=f"{name}-redis") if shape.workers else None
        if redis is not None:
            redis.start()
        ground.postgres.clone(_TEMPLATE, name)
        proxies = stack.enter_context(Proxies())
        cluster = Cluster(ground.data, name, ground.marks, ground.postgres, redis, proxies)
        stack.callback(cluster.end)
        for kind, each in shape.names:
            cluster.add(kind, each)
        cluster.start()
        yield cluster


def _fill(data: Path, marks: Path, env: Mapping[str, str]) -> None:
    servers.manage(data, "migrate", "--verbosity", "0", env=env)
    for version, path in models.write(data, marks).items():
        status = "production" if version == nonces.VERSIONS[0] else "testing"
        for endpoint in (ENDPOINT, SWAPPED):
            words = ("--endpoint", endpoint, "--name", "line", "--version", str(version))
            servers.manage(data, "register", str(path), *words, "--status", status, env=env)
