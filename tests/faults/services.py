"""Redis and PostgreSQL of the test's own: on free ports, in a folder that goes with them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import redis

from tests.faults.processes import Process
from tests.faults.proxy import HOST
from tests.servers import free_port

_POSTGRES_USER: Final = "postgres"
_ROOT_UID: Final = 0
_DEBIAN: Final = Path("/usr/lib/postgresql")


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary one that other users may pass through, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="weir-faults-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def need(program: str, *elsewhere: Path) -> str:
    """Its path; without it there is nothing to test, which CI does not forgive."""
    found = shutil.which(program) or next((str(p) for p in elsewhere if p.exists()), None)
    if found is None:
        missing = f"{program} is not installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return found


class Redis:
    """A redis-server; a killed one comes back at the same port with what its file holds."""

    def __init__(self, data: Path, *, durable: bool = True, name: str = "redis") -> None:
        self.port = free_port()
        home = data / name
        home.mkdir()
        self._server = need("redis-server")
        self._options = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(home),
            "save": "",
            "appendonly": "yes" if durable else "no",
            "enable-debug-command": "local",
            "maxmemory-policy": "noeviction",
        }
        self.process = Process(name, self._command(), data / f"{name}.log")
        self.client: redis.Redis[str] = redis.Redis(
            HOST, self.port, decode_responses=True, socket_timeout=20
        )

    def start(self) -> None:
        self.process.start()
        self.process.until(self._answers)

    def again(self, *, durable: bool) -> None:
        """Start with or without the file that was written so far."""
        self._options["appendonly"] = "yes" if durable else "no"
        self.process.command = self._command()
        self.start()

    def end(self) -> None:
        self.client.close()
        self.process.kill()

    def call(self, *words: object) -> Any:
        """A command that redis-py has no method for, or one whose method it shapes too much."""
        return self.client.execute_command(*words)

    def _command(self) -> Sequence[str]:
        options = [part for name, value in self._options.items() for part in (f"--{name}", value)]
        return [self._server, *options]

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False


class Postgres:
    """A PostgreSQL cluster with trust for everybody on this machine."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self._home = data / "postgresql"
        self._home.mkdir()
        # Debian keeps each version in a folder of its own, outside of the path.
        bins = sorted(_DEBIAN.glob("*/bin"), reverse=True)
        self._user = _POSTGRES_USER if os.geteuid() == _ROOT_UID else None
        self._make(need("initdb", *[each / "initdb" for each in bins]))
        self.process = Process(
            "postgresql",
            [need("postgres", *[each / "postgres" for each in bins]), *self._options()],
            data / "postgresql.log",
            user=self._user,
            folder=self._home,
        )

    def start(self) -> None:
        self.process.start()
        self.process.until(self._answers)

    def crash(self) -> None:
        """As `pg_ctl stop -m immediate`: no checkpoint, the next start replays the log."""
        self.process.stop(signal.SIGQUIT)

    def end(self) -> None:
        self.process.stop(signal.SIGQUIT)

    def query(self, database: str, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
        """Rows as committed now; statements are committed at once."""
        with self.connect(database) as connection:
            found = connection.execute(sql.encode(), values)
            return found.fetchall() if found.description else []

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        """Not through a proxy: whoever judges must see."""
        return psycopg.connect(
            host=HOST, port=self.port, dbname=database, user=_POSTGRES_USER, autocommit=True
        )

    def clone(self, template: str, database: str) -> None:
        """Milliseconds, where migrating and registering take seconds."""
        self.query("postgres", f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def _make(self, initdb: str) -> None:
        if self._user:
            shutil.chown(self._home, self._user, self._user)
        command = [initdb, "-D", str(self._home), "-U", _POSTGRES_USER, "-A", "trust", "-N"]
        subprocess.run(
            [*command, "-E", "UTF8", "--locale=C"],
            user=self._user,
            group=self._user,
            cwd=self._home,
            check=True,
            capture_output=True,
        )

    def _options(self) -> Iterator[str]:
        yield from ("-D", str(self._home), "-k", str(self._home), "-p", str(self.port))
        # Processes die here, not the machine: what was handed to the kernel is safe without fsync.
        yield from ("-c", "fsync=off", "-c", f"listen_addresses={HOST}")

    def _answers(self) -> bool:
        try:
            self.query("postgres", "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True
