"""Which doors the contract is asked of, and a world that every test finds as it should be.

The suite speaks HTTP and nothing else, so that a server process can be asked as well as this one.
Each door has a copy of the same data directory. A test may change statuses and start tests;
afterwards they are put back the way anybody could.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests import servers
from tests.contract import doors, world
from tests.contract.doors import Door
from tests.servers import Server

_IN_THIS_PROCESS = {"django": doors.django, "dataplane": doors.asgi}
_IN_ITS_OWN: dict[str, tuple[servers.Kind, servers.Mode]] = {
    "uvicorn": ("serve", "embedded"),
    "daphne": ("runserver", "embedded"),
    "redis": ("serve", "redis"),
}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Training the models and starting a server are not the test's own time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(30, func_only=True))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the world in it, signed with this process's key."""
    data = tmp_path_factory.mktemp("contract")
    env = {"SECRET_KEY": settings.SECRET_KEY}
    servers.manage(data, "migrate", "--verbosity", "0", env=env)
    script = "from tests.contract import world; world.register()"
    servers.manage(data, "shell", "--no-imports", "-c", script, env=env)
    return data


@pytest.fixture(
    scope="module",
    params=[
        *_IN_THIS_PROCESS,
        *(pytest.param(name, marks=pytest.mark.e2e) for name in _IN_ITS_OWN),
    ],
)
def door(
    request: pytest.FixtureRequest,
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Door]:
    """One after the other."""
    if request.param in _IN_ITS_OWN:
        yield request.getfixturevalue("processes")(request.param)
        return
    data = servers.copy(prepared, tmp_path_factory.mktemp(request.param) / "data")
    enter = _IN_THIS_PROCESS[request.param]
    with django_db_blocker.unblock(), _living_in(data), enter() as way:
        yield Door(way)


@contextmanager
def _living_in(data: Path) -> Iterator[None]:
    """This process with another data directory. The tests' own database stays as it is: what
    `django_db` rolls back at the end of a test, the threads of a server would never see.
    """
    name, connection.settings_dict["NAME"] = (
        connection.settings_dict["NAME"],
        str(data / "weir.sqlite3"),
    )
    connection.close()
    try:
        with override_settings(WEIR=dataclasses.replace(settings.WEIR, data_dir=data)):
            yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


@pytest.fixture(scope="session")
def processes(prepared: Path) -> Iterator[Processes]:
    """Servers by name, each started when it is asked for first and kept for the run."""
    with ExitStack() as stack:
        yield Processes(prepared, stack)


class Processes:
    """Starts what is asked for."""

    def __init__(self, prepared: Path, stack: ExitStack) -> None:
        self._prepared = prepared
        self._stack = stack
        self._doors: dict[str, Door] = {}

    def __call__(self, name: str) -> Door:
        if name not in self._doors:
            data = servers.copy(self._prepared, self._prepared.with_name(f"contract-{name}"))
            env = {"SECRET_KEY": settings.SECRET_KEY}
            kind, mode = _IN_ITS_OWN[name]
            if mode == "redis":
                servers.redis_or_not()
            server = self._stack.enter_context(Server(data, kind, env, mode=mode))
            self._doors[name] = Door(doors.through(server.url))
        return self._doors[name]


@pytest.fixture(autouse=True)
def as_it_was(door: Door) -> Iterator[None]:
    """After each test nothing runs, algorithm 1 is in production and the others are in testing."""
    yield
    if not door.moved:
        return
    for test in door.get("/api/v1/abtests").json():
        if test["ended_at"] is None:
            door.send("POST", f"/api/v1/stop_ab_test/{test['id']}")
    put_back = [(world.FOREST, "production"), (world.TREES, "testing"), (world.SINGLE, "testing")]
    now = {row["id"]: row["current_status"] for row in door.get("/api/v1/mlalgorithms").json()}
    for algorithm, status in put_back:
        if now[algorithm] != status:
            moved = {"status": status, "created_by": "tests", "parent_mlalgorithm": algorithm}
            door.json("POST", "/api/v1/mlalgorithmstatuses", moved)
    door.moved = False
