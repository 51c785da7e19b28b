"""`make docs`: the notebooks as pages, run against a server of their own."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from notebooks import pages
from tests import servers
from tests.servers import Server

DEMOS: Final = ("breast_cancer",)


def main() -> int:
    """1 if one of them did not run to its end."""
    with tempfile.TemporaryDirectory() as place:
        data = servers.prepare(Path(place) / "data", DEMOS)
        with Server(data) as server:
            environment = servers.environment(data, {"WEIR_URL": server.url})
            return pages.write(pages.NOTEBOOKS, pages.PAGES, environment)


if __name__ == "__main__":
    sys.exit(main())
