"""Redis and PostgreSQL of the test's own: on free ports, in a folder that goes with them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import redis

from tests.faults.processes import Process
from tests.faults.proxy import HOST
from tests.processes import missing
from tests.servers import free_port

_POSTGRES_USER: Final = "postgres"
_ROOT_UID: Final = 0
_PATIENCE: Final = 20.0  # seconds; some faults make it sleep
_UNBOUNDED: Final = {"maxmemory": "0", "maxmemory_policy": "noeviction", "maxclients": "10000"}
# Debian keeps each version in a folder of its own, outside of the path.
_DEBIAN: Final = "/usr/lib/postgresql/*/bin"


@contextmanager
def folder(*, keep: bool = False) -> Iterator[Path]:
    """A temporary one that other users may pass through, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="weir-faults-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        if not keep:
            shutil.rmtree(path, ignore_errors=True)


def need(name: str, *elsewhere: str) -> str:
    """The path of a program, or of the newest file that matches one of the patterns.

    Without it there is nothing to test, which CI does not forgive.
    """
    found = shutil.which(name) or next(iter(sorted(_matching(elsewhere), reverse=True)), None)
    if found is not None:
        return found
    missing(f"{name} is not installed")
    raise AssertionError("unreachable: the test has ended")


def _matching(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from map(str, Path("/").glob(pattern.removeprefix("/")))


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
        # Its stubs answer with all that any mode of any version might.
        self.client: Any = redis.Redis(HOST, self.port, socket_timeout=_PATIENCE)

    def start(self) -> None:
        self.process.start()
        self.process.until(self._answers)

    def again(self, *, durable: bool) -> None:
        """Start with or without the file that was written so far."""
        self._options["appendonly"] = "yes" if durable else "no"
        self.process.command = self._command()
        self.start()

    def mend(self) -> None:
        """Running, with a file, with room for everybody."""
        self.process.thaw()
        if not self.process.alive:
            self.start()
        self.configure(**_UNBOUNDED, appendonly="yes")

    def configure(self, **options: str) -> None:
        for name, value in options.items():
            self.client.config_set(name.replace("_", "-"), value)

    def end(self) -> None:
        self.client.close()
        self.process.kill()

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
        self._user = _POSTGRES_USER if os.geteuid() == _ROOT_UID else None
        self._make(need("initdb", f"{_DEBIAN}/initdb"))
        self.process = Process(
            "postgresql",
            [need("postgres", f"{_DEBIAN}/postgres"), *self._options()],
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
        # A copied sequence believes that its next numbers are in the write-ahead log, which is true
        # of the template only: without a checkpoint a crash would hand them out once more.
        self.query("postgres", "CHECKPOINT")

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
