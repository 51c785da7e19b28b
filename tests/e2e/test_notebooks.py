"""Every notebook runs from top to bottom against a server that was there before it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests import servers
from tests.servers import Server

NOTEBOOKS = sorted((servers.ROOT / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 60


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, data: Path) -> None:
    with Server(data) as server:
        environment = servers.environment(data, {"WEIR_URL": server.url})
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # so it is
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
        )
        client.execute(env=environment)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_printed(path: Path) -> None:
    cells = json.loads(path.read_bytes())["cells"]

    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
