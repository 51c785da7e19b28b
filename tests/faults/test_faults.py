"""Each fault but the long ones, once, with a fixed seed: nothing is lost, doubled or crossed."""

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
# They take a minute or two each, which is `make faults`' to spend: every byte of a connection, each
# process exchanged in turn, four clocks that jump, rows that kill one worker after another.
LONG = {"F7", "F8", "F11", "F39"}
SHORT = {name: fault for name, fault in CATALOGUE.items() if name not in LONG}


def put(fault: Fault, cluster: Cluster) -> None:
    report = trial.attempt(fault, cluster, Run(next(RUNS), SEED))
    assert report.kept, f"{fault.id}: {fault.sentence}\n{report}"


@pytest.mark.parametrize("fault", SHORT.values(), ids=SHORT)
def test_two_web_processes_and_two_workers_keep_their_promises(
    fault: Fault, distributed: Cluster
) -> None:
    put(fault, distributed)


@pytest.mark.parametrize("name", ALONE)
def test_one_process_keeps_its_promises(name: str, embedded: Cluster) -> None:
    put(CATALOGUE[name], embedded)
