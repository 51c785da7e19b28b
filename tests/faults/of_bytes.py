"""The connection to Redis ends after every byte that one request sends or gets on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from tests.faults.cluster import Cluster
from tests.faults.nemesis import KILLED_SECONDS, Scene, fault
from tests.faults.proxy import Proxy
from tests.faults.rest import PATIENCE
from tests.faults.weather import Direction

CUTS: Final = 52  # of each of four tracks: more than two hundred in all
_MEASURED: Final = 5
_CHATTER: Final = 1.25  # what is due at any time may come between, so the sweep goes a little on


@dataclass(frozen=True, slots=True)
class Track:
    """One direction of the ways on which a request travels at one of its ends.

    Nobody knows which worker will read it, so all of them are cut at the same byte.
    """

    ways: Sequence[Proxy]
    direction: Direction

    @property
    def carried(self) -> int:
        return sum(way.carried(self.direction) for way in self.ways)

    @property
    def due(self) -> bool:
        """Whether none of them has been cut yet."""
        return all(way.cut_is_due for way in self.ways)

    def cut(self, after: int) -> None:
        for way in self.ways:
            way.cut(self.direction, after)

    def heal(self) -> None:
        for way in self.ways:
            way.heal()


@fault(
    "F11",
    "the connection to Redis is cut at each byte of a request's life",
    within=KILLED_SECONDS,
    crew={},
)
def sweep(scene: Scene) -> None:
    for track in _tracks(scene.cluster):
        length = round(_length(scene, track) * _CHATTER)
        for after in spread(length, CUTS if not scene.patient else length):
            track.cut(after)
            _insist(scene)
            while track.due:
                _insist(scene)
            track.heal()


def spread(length: int, most: int) -> Sequence[int]:
    """So many of the numbers below `length`, evenly, or all of them."""
    if length <= most:
        return range(length)
    return [number * length // most for number in range(most)]


def _tracks(cluster: Cluster) -> Sequence[Track]:
    web = cluster.webs[0]
    ends = [[web.way], [worker.way for worker in cluster.workers]]
    return [Track(ways, direction) for ways in ends for direction in Direction]


def _length(scene: Scene, track: Track) -> int:
    """How many bytes one request takes there, with as little else between as can be."""
    lengths = []
    for _ in range(_MEASURED):
        before = track.carried
        _insist(scene)
        lengths.append(track.carried - before)
    return min(lengths)


def _insist(scene: Scene) -> None:
    """Ask with a key until there is an answer."""
    nonce = scene.new_nonce()
    headers = {"Idempotency-Key": f"nonce-{nonce}"}
    web = scene.cluster.webs[0]
    while True:
        answer = scene.ask(nonce, headers=headers, web=web).result(PATIENCE)
        if answer.status_code == httpx.codes.OK:
            return
