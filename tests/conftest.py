"""What every tier shares."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import queues, servers
from tests.queues import Place, Server

CORE = Path(__file__).parent / "core"
CORE_TIMEOUT = 20

# A shared machine stalls now and then; that a single example took long says nothing about the code.
settings.register_profile("weir", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("weir")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A pure test that takes so long hangs; one that said otherwise itself is left alone."""
    for item in items:
        if CORE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(CORE_TIMEOUT))


@pytest.fixture(scope="module", params=["embedded", "redis"])
def mode(request: pytest.FixtureRequest) -> servers.Mode:
    """Everything in one process, or a web process and a worker with Redis between them."""
    chosen: servers.Mode = request.param
    if chosen == "redis":
        servers.redis_or_not()
    return chosen


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that needs the internet is a test of somebody else's server."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _is_local(address[0]):
            pytest.fail(f"a test wanted to connect to {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def place() -> Iterator[Place]:
    """A corner of the Redis that is there; skipped on a laptop without one, a failure in CI."""
    with queues.corner() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Redis of the test's own; skipped where none is installed, a failure in CI."""
    own = Server(tmp_path)
    own.start()
    yield own
    own.close()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
