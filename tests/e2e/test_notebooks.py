"""Every notebook runs from top to bottom against a server that was there before it."""

from __future__ import annotations

import ast
import json
import os
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
    adult = os.environ.get("ADULT_CSV", "there is no adult.csv")  # nothing is fetched by a test
    with Server(data) as server:
        told = {"WEIR_URL": server.url, "ADULT_CSV": adult}
        pages.execute(notebook, servers.environment(data, told))

    assert [cell for cell in notebook.cells if cell.get("outputs")]


def test_a_page_shows_text_code_and_what_came_of_it(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "a < b"},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<svg></svg>"}},
        {"output_type": "error", "ename": "", "evalue": "", "traceback": ["\x1b[31mNo.\x1b[0m"]},
    ]
    common = {"id": "a", "metadata": {}}
    text = {**common, "cell_type": "markdown", "source": "# A *title*"}
    code = {**common, "id": "b", "cell_type": "code", "source": "1 < 2", "outputs": outputs}
    cells = [text, {**code, "execution_count": 1}]
    kept = tmp_path / "name.ipynb"
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    kept.write_text(json.dumps(notebook))

    shown = pages.page(pages.read(kept), "name")

    for part in ("<h1>A <em>title</em></h1>", "a &lt; b", "<div><svg></svg></div>", ">No.<"):
        assert part in shown


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
