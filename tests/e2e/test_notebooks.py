"""Every notebook runs from top to bottom against a server that was there before it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from notebooks import pages
from tests import servers
from tests.servers import Server

FORBIDDEN = ("django", "inference.models", "inference.services", "inference.selectors")
SCRIPTS = sorted(pages.HERE.glob("*.py"))


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("path", pages.NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, data: Path) -> None:
    notebook = pages.read(path)
    with Server(data) as server:
        pages.execute(notebook, servers.environment(data, {"WEIR_URL": server.url}))

    assert [cell for cell in notebook.cells if cell.get("outputs")]


@pytest.mark.parametrize("path", pages.NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_printed(path: Path) -> None:
    cells = json.loads(path.read_bytes())["cells"]

    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.parametrize("path", [*pages.NOTEBOOKS, *SCRIPTS], ids=lambda path: path.name)
def test_a_notebook_knows_steps_and_the_client_and_no_database(path: Path) -> None:
    imported = {name for source in sources(path) for name in imports(source)}

    assert [
        name for name in imported if f"{name}.".startswith(tuple(f"{each}." for each in FORBIDDEN))
    ] == []


def sources(path: Path) -> Iterator[str]:
    if path.suffix == ".py":
        yield path.read_text(encoding="utf-8")
        return
    for cell in pages.read(path).cells:
        if cell.cell_type == "code":
            yield cell.source


def imports(source: str) -> Iterator[str]:
    """Dotted names, of `from a import b` both `a` and `a.b`."""
    tree = compile(source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{each.name}" for each in node.names)
