"""What every tier shares."""

from __future__ import annotations

from pathlib import Path

import pytest

CORE = Path(__file__).parent / "core"
CORE_TIMEOUT = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A pure test that takes five seconds hangs; one that said otherwise itself is left alone."""
    for item in items:
        if CORE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(CORE_TIMEOUT))
