"""What a run beside the peers found: kept as a file, so that a run can go on where one ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import msgspec

from bench.load import Load
from bench.problem import BenchFailed

Item = TypeVar("Item")
ROW: Final = 1
BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows a request and connections; theirs beside ours, measured in turns.

    How many times faster ours was is the median of the turns: each is short, and one right after
    the other, so that a noisy moment falls on both.
    """

    rows: int
    connections: int
    theirs: Load
    off: Load
    strict: Load | None = None
    ratio_off: float = 0.0
    ratio_strict: float = 0.0


def times(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    """How many times faster ours was, turn by turn; 0 without turns."""
    pairs = zip(ours, theirs, strict=False)
    return median([one.rate / other.rate for one, other in pairs] or [0.0])


@dataclass(frozen=True, slots=True)
class Standing:
    """One rival at one job; `failed` says why there is less than should be."""

    rival: str
    family: str
    kernel: str
    processes: int
    job: str
    version: str = ""
    start_seconds: float = 0.0
    megabytes: float = 0.0
    cells: tuple[Cell, ...] = ()
    failed: str = ""
    measured: str = ""

    def cell(self, rows: int, connections: int) -> Cell | None:
        found = [c for c in self.cells if (c.rows, c.connections) == (rows, connections)]
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Stream:
    """Frames over a WebSocket; rows a second."""

    who: str
    what: str
    load: Load | None
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Standings:
    """All of it. `command`, `machine` and `skipped` are for whoever reads the page."""

    command: str = ""
    machine: str = ""
    start_seconds: float = 0.0
    megabytes: float = 0.0
    skipped: Mapping[str, str] = field(default_factory=dict)
    streams: tuple[Stream, ...] = ()
    standings: tuple[Standing, ...] = ()

    def of(self, job: str) -> list[Standing]:
        return [each for each in self.standings if each.job == job]

    def has(self, rival: str, job: str) -> bool:
        """Whether it was measured to its end."""
        return any(
            (each.rival, each.job) == (rival, job) and not each.failed for each in self.standings
        )

    def with_standing(self, new: Standing) -> Standings:
        """`new` in the place of what was known of the same rival and job, or at the end."""
        return replace(self, standings=_with(self.standings, new, lambda x: (x.rival, x.job)))

    def with_stream(self, new: Stream) -> Standings:
        return replace(self, streams=_with(self.streams, new, lambda x: (x.who, x.what)))


class Board:
    """Where results are put as they come; each is on disk at once."""

    def __init__(self, path: Path, found: Standings) -> None:
        self._path = path
        self.found = found

    def add(self, new: Standing | Stream) -> None:
        if isinstance(new, Stream):
            self.set(self.found.with_stream(new))
        else:
            self.set(self.found.with_standing(new))

    def set(self, found: Standings) -> None:
        self.found = found
        keep(self._path, found)


def _with(old: Sequence[Item], new: Item, key: Callable[[Item], object]) -> tuple[Item, ...]:
    known = {key(each): each for each in old}
    return tuple((known | {key(new): new}).values())


def read(path: Path) -> Standings:
    """What an earlier run kept; nothing if there was none. Raises BenchFailed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Standings)
    except FileNotFoundError:
        return Standings()
    except (OSError, msgspec.DecodeError) as error:
        raise BenchFailed(f"{path} holds no results of this version: {error}") from error


def keep(path: Path, found: Standings) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
