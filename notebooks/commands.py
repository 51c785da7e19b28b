"""The steps of the command line, taken from a notebook: words in, what they found out.

A notebook knows the server by its address and the steps by their commands; it never opens the
database itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from weir_client import Client, WeirError

ROOT: Final = Path(__file__).resolve().parent.parent
URL: Final = os.environ.get("WEIR_URL", "http://127.0.0.1:8000")
_PATIENCE: Final = 300.0  # seconds for a step
_LOOKING: Final = 0.1  # seconds between two looks
_SAME: Final = "Are WEIR_DATA_DIR and DATABASE_URL those of the server?"
_STEP_FAILED: Final = 1  # it was taken, and what it looked at does not pass

T = TypeVar("T")


def manage(*words: object) -> dict[str, Any]:
    """What `manage.py words --json` found; raises RuntimeError with its sentence if it could not.

    A step that was taken and did not pass is an answer, too: it has the key `failed`.
    """
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "manage.py", *map(str, words), "--json"],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    said = done.stderr.strip()
    if done.returncode not in {0, _STEP_FAILED} or not done.stdout:
        why = said.rpartition("\n")[2]
        raise RuntimeError(f"manage.py {words[0]} ended with {done.returncode}: {why} ({_SAME})")
    found: dict[str, Any] = json.loads(done.stdout)
    return found if done.returncode == 0 else {**found, "failed": said}


def server() -> Client:
    """A client of the server at WEIR_URL; raises RuntimeError where none is ready."""
    client = Client(URL)
    try:
        ready = client.ready()
    except WeirError as error:
        raise RuntimeError(f"{error} `make run` in another terminal starts a server.") from error
    if not ready.ready:
        raise RuntimeError(f"The server at {URL} is not ready: {ready.why}.")
    return client


def served(client: Client, endpoint: str, record: Mapping[str, object], algorithm: int) -> None:
    """Wait until an algorithm that was registered a moment ago answers."""

    def answered() -> bool:
        client.predict(endpoint, record, algorithm=algorithm)
        return True

    until(answered)


def until(found: Callable[[], T], seconds: float = 30.0) -> T:
    """What it finds, as soon as that is something; raises its last error, or TimeoutError."""
    deadline = time.monotonic() + seconds
    while True:
        error: Exception = TimeoutError(f"Nothing came of it in {seconds} seconds.")
        try:
            if value := found():
                return value
        except WeirError as refused:
            error = refused
        if time.monotonic() > deadline:
            raise error
        time.sleep(_LOOKING)


def _environment() -> Mapping[str, str]:
    """As `make run` has it; WEIR_URL is a name of the notebooks, not of the server."""
    inherited = {name: value for name, value in os.environ.items() if name != "WEIR_URL"}
    return {"WEIR_PROFILE": "open", **inherited}
