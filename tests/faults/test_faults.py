"""Each fault once, with a fixed seed: nothing accepted is lost, doubled or crossed."""

from __future__ import annotations

from itertools import count

import pytest

from tests.faults import trial
from tests.faults.catalogue import CATALOGUE
from tests.faults.cluster import Cluster
from tests.faults.nemesis import Fault
from tests.faults.trial import Run

pytestmark = [pytest.mark.faults, pytest.mark.alone, pytest.mark.timeout(180)]

SEED = 1
RUNS = count(1)  # nobody's nonces are anybody else's
ALONE = ("F5", "F20", "F35")  # where it matters that there is nobody else


def put(fault: Fault, cluster: Cluster) -> None:
    report = trial.attempt(fault, cluster, Run(next(RUNS), SEED))
    assert report.kept, f"{fault.id}: {fault.sentence}\n{report}"


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=CATALOGUE)
def test_two_web_processes_and_two_workers_keep_their_promises(
    fault: Fault, distributed: Cluster
) -> None:
    put(fault, distributed)


@pytest.mark.parametrize("name", ALONE)
def test_one_process_keeps_its_promises(name: str, embedded: Cluster) -> None:
    put(CATALOGUE[name], embedded)
