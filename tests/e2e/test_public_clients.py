"""Clients that others wrote speak to a server of ours, as they are, in environments of their own.

Their scripts lie in `tests/clients`, and what they need is pinned there.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.pythons import CLIENTS, SECONDS, environment
from tests.servers import ROOT, Server

# By what is asked; how many checks that must be at least.
SCRIPTS: Final = {
    "kserve": {"triton": 90, "kserve_client": 9, "snippets tritonclient kserve": 2},
    "mlserver": {"mlserver_codecs": 6, "snippets mlserver": 1},
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("pins", SCRIPTS)
def test_public_clients_are_served(server: Server, tmp_path: Path, pins: str) -> None:
    python = environment(tmp_path / "venv", CLIENTS / f"{pins}.txt")

    for script, least in SCRIPTS[pins].items():
        done = _run(python, script, server.url)
        said = json.loads(done.stdout or "{}")
        assert said.get("failed") == {}, done.stderr[-2000:]
        assert said["done"] >= least


def _run(python: Path, script: str, url: str) -> subprocess.CompletedProcess[str]:
    name, *words = script.split()
    return subprocess.run(
        [python, "-m", f"tests.clients.{name}", url, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
