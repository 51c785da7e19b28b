"""Runs the snippets of `docs/v2.md` that a library can, given as the second argument."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

from tests.clients.checks import Report

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "v2.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

url, *libraries = sys.argv[1:]
report = Report()
for snippet in _BLOCK.findall(DOCS.read_text(encoding="utf-8")):
    for library in libraries:
        if library in snippet:
            with report.trying(library), redirect_stdout(sys.stderr):
                ours = snippet.replace("http://127.0.0.1:8000", url)
                ours = ours.replace("127.0.0.1:8000", url.removeprefix("http://"))
                exec(ours, {})  # noqa: S102  # our own documentation
report.print()
