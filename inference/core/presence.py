"""Which workers are alive, judged by whether their heartbeats go on and by no clock but one's own.

A heartbeat carries a number that rises. A worker is alive as long as somebody who looks once a
second sees it rise; what hour it is over there, or in Redis, does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
from msgspec import Struct

ALIVE: Final = 8.0  # seconds without a heartbeat after which a worker counts as dead: on a narrow
# line they come late, and what is sent to the dead is taken over sooner than that
GAP: Final = 2.5  # seconds without a look, after which nobody is blamed for what was not seen
GOODBYE: Final = -1
FORGOTTEN: Final = 60.0  # seconds after which what a dead worker left is swept away


class Lane(Struct, array_like=True, gc=False):
    """What a worker has done for one model; see `engine.base.LaneStats`."""

    predictions: int
    batches: int
    errors: int
    refused: int
    expired: int
    queue_rows: int
    running_rows: int
    batch_rows: float
    latency: tuple[float, float, float] | None
    jobs: int = 0
    answer_seconds: float = 0.0
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0


NO_LANE: Final = Lane(0, 0, 0, 0, 0, 0, 0, 0.0, None)


class Beat(Struct, array_like=True):
    """One heartbeat. `version` is that of its registry, `failures` says why models are not loaded.

    `rate` is in rows a second, `shard` the number its tallies are counted under, `dead` how many
    jobs it has given up because they ended worker after worker.
    """

    number: int
    version: int
    host: str
    pid: int
    rss_mb: float
    rate: float
    shard: int
    draining: bool
    healthy: bool
    dead: int
    lanes: dict[int, Lane]
    failures: dict[int, str]

    @property
    def gone(self) -> bool:
        """Whether this is a goodbye: the last word of a worker that ends."""
        return self.number == GOODBYE

    @property
    def loaded(self) -> bool:
        """Whether it has read its registry, and so loaded what it can."""
        return self.version >= 0

    @property
    def serves(self) -> Collection[int]:
        return self.lanes.keys()


_decode: Final = msgspec.msgpack.Decoder(Beat).decode
_encode: Final = msgspec.msgpack.Encoder().encode


def written(beat: Beat) -> bytes:
    return _encode(beat)


@dataclass(slots=True)
class Seen:
    """A worker as it was seen: its newest heartbeat, and when it last moved."""

    beat: Beat
    moved: float
    first: Mapping[int, Lane]  # what it had done already when it was seen first
    rates: Mapping[int, float] = field(default_factory=dict)  # by model, see `Roster.rate`


@dataclass(slots=True)
class Roster:
    """Told what the hash of heartbeats holds; times are in seconds of the one who looks.

    Who is alive is judged when it is told, and asked for with every job.
    """

    alive: Mapping[str, Seen] = field(default_factory=dict)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _looked: float | None = None

    def observe(self, now: float, beats: Mapping[str, bytes]) -> None:
        """What is there now. A heartbeat that cannot be read is of another release, and ignored."""
        missed = self._looked is not None and now - self._looked > GAP
        newcomers = self._looked is not None
        self._looked = now
        found = readable(beats)
        self._seen = self._silent(found, now, missed=missed) | {
            name: self._updated(name, beat, now, missed=missed, new=newcomers)
            for name, beat in found.items()
        }
        self.alive = {
            name: seen
            for name, seen in self._seen.items()
            if now - seen.moved < ALIVE and not seen.beat.gone
        }

    def _silent(self, found: Collection[str], now: float, *, missed: bool) -> dict[str, Seen]:
        """Those whose heartbeat is not there, not even a goodbye: Redis may have lost it."""
        return {
            name: replace(seen, moved=now) if missed else seen
            for name, seen in self._seen.items()
            if name not in found and (missed or now - seen.moved < ALIVE)
        }

    def _updated(self, name: str, beat: Beat, now: float, *, missed: bool, new: bool) -> Seen:
        old = self._seen.get(name)
        if old is None:
            return Seen(beat, now, {} if new else beat.lanes)
        if beat.number == old.beat.number:
            return replace(old, moved=now) if missed else old
        return Seen(beat, now, old.first, _rates(old, beat, now - old.moved))

    @property
    def looked(self) -> float | None:
        """When the heartbeats were last to be had."""
        return self._looked

    @property
    def forgotten(self) -> list[str]:
        """Workers whose traces may be removed."""
        now = self._looked or 0.0
        return [name for name, seen in self._seen.items() if now - seen.moved > FORGOTTEN]

    @property
    def version(self) -> int:
        """The oldest registry that a worker serves; -1 while nobody serves anything.

        One that has just started, or is about to end, keeps nobody waiting.
        """
        beats = [seen.beat for seen in self.alive.values()]
        return min((b.version for b in beats if b.loaded and not b.draining), default=-1)

    def serving(self, model: int) -> list[str]:
        """Workers that take jobs for it."""
        return [name for name, seen in self.alive.items() if model in seen.beat.serves]

    def rate(self, model: int) -> float:
        """Rows a second that those who are alive answer while they are busy; 0 if not known."""
        return sum(seen.rates.get(model, 0.0) for seen in self.alive.values())

    @property
    def failures(self) -> dict[int, str]:
        """Why models could not be loaded, those that some worker could not load."""
        alive = self.alive.values()
        return {model: why for seen in alive for model, why in seen.beat.failures.items()}


def _rates(old: Seen, beat: Beat, seconds: float) -> Mapping[int, float]:
    """A lane that has nothing to do does not say how fast it is; then what was known stays."""
    if seconds <= 0.0:
        return old.rates
    busy = {
        model: lane for model, lane in beat.lanes.items() if lane.queue_rows or lane.running_rows
    }
    done = {
        model: lane.predictions - old.beat.lanes.get(model, lane).predictions
        for model, lane in busy.items()
    }
    return {**old.rates, **{model: rows / seconds for model, rows in done.items() if rows > 0}}


def readable(beats: Mapping[str, bytes]) -> dict[str, Beat]:
    """By worker; without those of another release, which cannot be read."""
    return {name: beat for name, data in beats.items() if (beat := _decoded(data)) is not None}


def _decoded(data: bytes) -> Beat | None:
    try:
        return _decode(data)
    except ValueError:
        return None
