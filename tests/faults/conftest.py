"""One ground for all clusters of the run, one cluster for all faults of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import ground as grounds
from tests.faults import of_use
from tests.faults.cluster import DISTRIBUTED, EMBEDDED, Cluster
from tests.faults.ground import Ground


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with grounds.prepared() as made:
        yield made


@pytest.fixture(scope="module")
def distributed(ground: Ground) -> Iterator[Cluster]:
    """Two web processes and two workers, with a test between both versions under way."""
    with grounds.running(ground, DISTRIBUTED, "distributed") as whole:
        of_use.start_test(whole)
        yield whole


@pytest.fixture(scope="module")
def embedded(ground: Ground) -> Iterator[Cluster]:
    """One process that does everything, on PostgreSQL."""
    with grounds.running(ground, EMBEDDED, "embedded") as whole:
        of_use.start_test(whole)
        yield whole
