"""Each fault once, with a fixed seed: nothing accepted is lost, doubled or crossed."""

from __future__ import annotations

import pytest

from tests.faults import nemesis, trial
from tests.faults.cluster import Cluster
from tests.faults.nemesis import CATALOGUE, Fault

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

SEED = 20_26
FAULTS = [CATALOGUE[name] for name in sorted(CATALOGUE, key=nemesis.order)]
EITHER = [fault for fault in FAULTS if not fault.distributed]


@pytest.mark.parametrize("fault", EITHER, ids=lambda fault: fault.id)
def test_one_process_keeps_its_promises(fault: Fault, embedded: Cluster) -> None:
    report = trial.attempt(fault, embedded, nemesis.order(fault.id), SEED)
    assert report.kept, f"{fault.id}: {fault.sentence}\n{report}"
