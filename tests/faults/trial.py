"""One run: clients, one fault in the middle, and a verdict on what it broke."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tests.faults import evidence
from tests.faults.checker import Report, Terms, check
from tests.faults.cluster import Cluster, until
from tests.faults.crew import Spec
from tests.faults.journal import Entry, Journal, Reader
from tests.faults.load import LAST_SECONDS
from tests.faults.nemesis import Fault, Scene
from tests.faults.processes import Process
from tests.faults.recovery import PROBE, recovery

_WARM_SECONDS: Final = 20.0
_LATE: Final = 20.0  # how much longer than promised we wait, to say how late it was
_CALM_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Run:
    """One of many on a cluster: its number tells its nonces from others', its seed decides."""

    number: int
    seed: int
    patient: bool = False


@dataclass(eq=False)
class Audience:
    """A process of clients and what they have written down so far."""

    process: Process
    reader: Reader
    size: int
    entries: list[Entry] = field(default_factory=list)

    def served_since(self, moment: float) -> bool:
        """Whether every client has been answered since."""
        self.entries += self.reader.more()
        arrived = {entry.client for entry in self.entries} - {PROBE}
        return len(arrived) == self.size and recovery(self.entries, moment) is not None

    def dismiss(self) -> None:
        """They get what they are owed, write it down, and go."""
        self.process.signal(signal.SIGTERM)
        self.process.leaves(LAST_SECONDS + _CALM_SECONDS)
        self.entries += self.reader.more()


def attempt(fault: Fault, cluster: Cluster, run: Run) -> Report:
    """Put one fault to a cluster that is whole, and leave it whole."""
    cluster.mend()
    journal = cluster.data / f"run-{run.number}.journal"
    with (
        _audience(fault, cluster, run, journal) as audience,
        _scene(fault, cluster, run, journal) as scene,
    ):
        arrived = time.monotonic()
        until(lambda: audience.served_since(arrived), _WARM_SECONDS, "everybody is served")
        time.sleep(_CALM_SECONDS)
        fault.inject(scene)
        healed_at = scene.healed_at or time.monotonic()
        _wait(lambda: audience.served_since(healed_at), fault.within + _LATE)
        time.sleep(_CALM_SECONDS)
        audience.dismiss()
    _wait(lambda: not any(evidence.leftovers(cluster).values()), _SETTLE_SECONDS)
    found = evidence.gather(cluster, run.number, audience.entries)
    return check(found, Terms(healed_at, fault.within, fault.allowed))


@contextmanager
def _audience(fault: Fault, cluster: Cluster, run: Run, journal: Path) -> Iterator[Audience]:
    spec = Spec(cluster.urls, fault.endpoint, str(journal), run.number, run.seed, fault.crew)
    command = [sys.executable, "-m", "tests.faults.load", msgspec.json.encode(spec).decode()]
    process = Process("clients", command, cluster.data / "clients.log")
    with closing(Reader(journal)) as reader:
        process.start()
        try:
            yield Audience(process, reader, sum(fault.crew.values()))
        finally:
            process.kill()


@contextmanager
def _scene(fault: Fault, cluster: Cluster, run: Run, journal: Path) -> Iterator[Scene]:
    dice = random.Random(f"{run.seed} {fault.id}")
    with (
        closing(Journal(journal)) as notes,
        closing(Scene(cluster, run.number, dice, notes, run.patient)) as scene,
    ):
        yield scene


def _wait(true: Callable[[], bool], seconds: float) -> None:
    """Polls, and leaves it to the checker to say that it did not happen."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
