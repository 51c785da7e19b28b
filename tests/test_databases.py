"""The tests that touch the database, on the databases that `make test` does not run them on.

Where the servers are, TEST_POSTGRES_URL and TEST_MARIADB_URL say; otherwise they are on this
machine and let us in without a password. What is written there is in a database of its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
POSTGRESQL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/weir")
MARIADB = os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/weir")
ELSEWHERE = "slow or e2e or browser or faults or bench or databases"


@pytest.mark.databases
@pytest.mark.alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize("address", [POSTGRESQL, MARIADB], ids=["postgresql", "mariadb"])
def test_what_touches_the_database_passes_on(address: str) -> None:
    _require(address)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "auto",
            "-m",
            f"django_db and not ({ELSEWHERE})",
        ],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"{address}_{os.getpid()}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]


def _require(address: str) -> None:
    """Someone without the server may run the rest; CI runs everything."""
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5).close()
    except OSError as error:
        missing = f"nothing answers at {parts.hostname}:{parts.port}: {error}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
