"""The wall clock jumps; nothing here may depend on it."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.faults.cluster import Cluster
from tests.faults.nemesis import Scene, fault
from tests.faults.services import need

_LIBRARIES: Final = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)
_NOW: Final = "+0"
_JUMPS: Final = ("+1h", "-1h", "+1d", "-1d", _NOW)


@fault("F39", "the wall clocks of all processes jump by an hour and by a day, to and fro")
def clock_jumps(scene: Scene) -> None:
    clocks = {
        each.name: scene.cluster.data / f"{each.name}.clock" for each in scene.cluster.members
    }
    with _faked(scene.cluster, clocks):
        scene.healed()
        for _ in range(1 if not scene.patient else 3):
            for jump in _JUMPS:
                for clock in scene.dice.sample(sorted(clocks.values()), len(clocks)):
                    _set(clock, jump)
                    scene.lasts(0.3, 2.0)
    scene.healed()


@contextmanager
def _faked(cluster: Cluster, clocks: Mapping[str, Path]) -> Iterator[None]:
    """Every process started again with a clock that reads its file, and in the end without."""
    library = need("libfaketime", *_LIBRARIES)
    before = {each.name: each.process.env for each in cluster.members}
    for member in cluster.members:
        _set(clocks[member.name], _NOW)
        member.process.env = {**member.process.env, **_environment(library, clocks[member.name])}
    _restart(cluster)
    try:
        yield
    finally:
        for member in cluster.members:
            member.process.env = before[member.name]
        _restart(cluster)


def _environment(library: str, clock: Path) -> Mapping[str, str]:
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "DONT_FAKE_MONOTONIC": "1",  # no hand on a machine can turn that clock
    }


def _restart(cluster: Cluster) -> None:
    for member in cluster.members:
        member.process.signal(signal.SIGTERM)
    for member in cluster.members:
        member.process.stop()
    cluster.start()


def _set(clock: Path, offset: str) -> None:
    """Replaced as a whole: a half-written one would stop the process that reads it."""
    half = clock.with_suffix(".half")
    half.write_text(f"{offset}\n")
    half.rename(clock)
