"""Trained models once for the run, a server process where a test asks for one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers import Server

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(90))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Breast cancer (two classes, numbers and categories) and diabetes (regression)."""
    return servers.prepare(tmp_path_factory.mktemp("prepared"), ["breast_cancer", "diabetes"])


@pytest.fixture(scope="module")
def server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for the tests of a module; those that end it start their own."""
    data = servers.copy(prepared, tmp_path_factory.mktemp("server") / "data")
    with Server(data) as running:
        yield running


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """A data directory for a server of the test's own."""
    return servers.copy(prepared, tmp_path / "data")


@pytest.fixture(scope="session")
def record(prepared: Path) -> dict[str, Any]:
    """A complete row for breast_cancer: the middle of what training saw."""
    with sqlite3.connect(prepared / "weir.sqlite3") as database:
        (text,) = database.execute(
            "select schema from inference_mlalgorithm where id = 1"
        ).fetchone()
    return {feature["name"]: _middle(feature) for feature in json.loads(text)["features"]}


def _middle(feature: dict[str, Any]) -> Any:
    if feature["kind"] == "category":
        return feature["categories"][0]
    return round((feature.get("minimum", 0.0) + feature.get("maximum", 0.0)) / 2, 3)
