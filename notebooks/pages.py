"""Runs notebooks against a server and writes them down as pages: `python -m notebooks.pages`.

The server is the one at WEIR_URL, or at the address of `make run`. A page is one file of HTML that
needs nothing else.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import nbformat
from markdown_it import MarkdownIt
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

HERE: Final = Path(__file__).resolve().parent
NOTEBOOKS: Final = sorted(HERE.glob("*.ipynb"))
PAGES: Final = HERE.parent / "build" / "docs" / "notebooks"
CELL_SECONDS: Final = 120

_COLOURS: Final = re.compile("\x1b\\[[0-9;]*m")  # which a traceback has
_CODE: Final = HtmlFormatter(nowrap=True)
_STYLE: Final = (HERE / "page.css").read_text(encoding="utf-8")
_COLOURED: Final = HtmlFormatter().get_style_defs("pre")


def main(words: Sequence[str] | None = None) -> int:
    """0 if all of them ran to their end; a page is written even of one that did not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, default=NOTEBOOKS)
    parser.add_argument("--out", type=Path, default=PAGES)
    given = parser.parse_args(words)
    return write(given.notebooks, given.out, os.environ)


def write(paths: Sequence[Path], out: Path, environment: Mapping[str, str]) -> int:
    """How many failed, as a status for the shell: 0 or 1."""
    out.mkdir(parents=True, exist_ok=True)
    failed = False
    for path in paths:
        notebook = read(path)
        try:
            execute(notebook, environment)
        except CellExecutionError as error:
            failed = True
            sys.stderr.write(f"{path.name}: {_COLOURS.sub('', str(error))}\n")
        target = out / f"{path.stem}.html"
        target.write_text(page(notebook, path.stem), encoding="utf-8")
        sys.stdout.write(f"{target}\n")
    return int(failed)


def read(path: Path) -> Any:
    """A notebook as nbformat has it, which is without types."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # so it is


def execute(notebook: Any, environment: Mapping[str, str]) -> None:
    """From top to bottom, keeping what it prints; raises CellExecutionError."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute(env={**environment})


def page(notebook: Any, name: str) -> str:
    """The notebook as one HTML file."""
    text = MarkdownIt("commonmark").enable("table")
    parts = [part for cell in notebook.cells for part in _cell(cell, text)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}{_COLOURED}'
        f"</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _cell(cell: Any, text: MarkdownIt) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield text.render(cell.source)
    elif cell.cell_type == "code":
        yield f"<pre>{highlight(cell.source, PythonLexer(), _CODE)}</pre>"
        yield from map(_output, cell.outputs)


def _output(output: Any) -> str:
    """The richest form that a browser shows without running anything."""
    if output.output_type == "stream":
        return f'<pre class="said">{escape(output.text)}</pre>'
    if output.output_type == "error":
        told = _COLOURS.sub("", "\n".join(output.traceback))
        return f'<pre class="error">{escape(told)}</pre>'
    if html := output.data.get("text/html"):
        return f"<div>{html}</div>"
    return f'<pre class="said">{escape(output.data.get("text/plain", ""))}</pre>'


if __name__ == "__main__":
    raise SystemExit(main())
