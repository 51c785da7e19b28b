"""What must be reached, beside what was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bench.contenders import FASTAPI, OURS_OFF, OURS_STRICT, TUTORIAL
from bench.jobs import FOREST, LINEAR
from bench.measure import ALONE, ONE_ROW, ONE_SOCKET, ROWS_BLOCK, ROWS_JSON, Results
from bench.openloop import Overload
from bench.ours import NAME
from bench.peers.kernels import ONNX, SKLEARN
from bench.standings import ROW, Cell, Standing, Standings
from bench.streams import BLOCKS, LONE, MANY, ONE


@dataclass(frozen=True, slots=True)
class Floor:
    """`wanted` is the least that is enough, or with `most` the most."""

    what: str
    reached: float
    wanted: float
    unit: str = ""
    most: bool = False

    @property
    def met(self) -> bool:
        return self.reached <= self.wanted if self.most else self.reached >= self.wanted


def floors(results: Results) -> list[Floor]:
    return [*_ratios(results), *_others(results)]


def _ratios(results: Results) -> Iterator[Floor]:
    for connections in sorted({connections for _, connections in results.http}):
        rate = {n: load.rate for (n, c), load in results.http.items() if c == connections}
        where = f"at {connections} connections"
        for ours, wanted in ((OURS_STRICT, 20), (OURS_OFF, 40)):
            for peer in (TUTORIAL, FASTAPI):
                yield Floor(f"{ours} / {peer}, {where}", rate[ours] / rate[peer], wanted, "x")
        share = rate[OURS_STRICT] / rate[OURS_OFF]
        yield Floor(f"strict log / log off, {where}", share, 0.6, "x")


def _others(results: Results) -> list[Floor]:
    lone, footprint, sockets = results.lone[OURS_STRICT], results.footprint, results.sockets
    return [
        Floor("lone caller, added to empty request + model", lone.added_ms, 1.0, "ms", most=True),
        Floor(f"WebSocket, {ONE_ROW}", sockets[ONE_ROW].rate, 18_000, "rows/s"),
        Floor(f"WebSocket, {ONE_SOCKET}", sockets[ONE_SOCKET].rate, 15_000, "rows/s"),
        Floor(f"WebSocket, {ROWS_JSON}", sockets[ROWS_JSON].rate, 100_000, "rows/s"),
        Floor(f"WebSocket, {ROWS_BLOCK}", sockets[ROWS_BLOCK].rate, 300_000, "rows/s"),
        Floor(f"WebSocket, {ALONE}: p50", sockets[ALONE].p50_ms, 0.6, "ms", most=True),
        Floor("resident memory, two demo endpoints", footprint.megabytes, 300, "MB", most=True),
        Floor("start to first answer", footprint.first_answer, 5.0, "s", most=True),
    ]


# -- beside the peers ------------------------------------------------------------------------------

# How many times the best peer as its users run it, one row a request.
OFF_TIMES: Final = {FOREST: 8.0, LINEAR: 5.0}
STRICT_TIMES: Final = {FOREST: 6.0, LINEAR: 3.5}
# The strongest thing that somebody would write by hand: FastAPI with ONNX Runtime, a process each.
BY_HAND_TIMES: Final = 2.0
BUSY: Final = (32, 128)
STREAM_RATES: Final = {MANY: 18_000, ONE: 15_000, BLOCKS: 300_000}
LONE_STREAM_MS: Final = 0.6


def beside_peers(found: Standings) -> list[Floor]:
    """Of what was measured; where nothing was, there is no floor to be seen."""
    jobs = [job for job in OFF_TIMES if found.of(job)]
    busy = [floor for job in jobs for c in BUSY for floor in _beside(found.of(job), job, c)]
    alone = [floor for job in jobs for floor in _one_caller(found.of(job), job)]
    return [*busy, *alone, *_streams(found)]


def _beside(standings: Sequence[Standing], job: str, connections: int) -> Iterator[Floor]:
    where = f"{job}, {connections} connections"
    plain = _known([each for each in standings if each.kernel == SKLEARN], connections)
    if plain:
        name, best = min(plain, key=lambda each: each[1].ratio_off)
        yield Floor(f"{where}: log off / {name}", best.ratio_off, OFF_TIMES[job], "x")
        yield Floor(f"{where}: strict / {name}", best.ratio_strict, STRICT_TIMES[job], "x")
        limit = best.theirs.p50_ms
        yield Floor(f"{where}: p99, at most its p50", best.off.p99_ms, limit, "ms", most=True)
    by_hand = [each for each in standings if _is_by_hand(each)]
    for name, cell in _known(by_hand, connections):
        yield Floor(f"{where}: log off / {name}", cell.ratio_off, BY_HAND_TIMES, "x")


def _is_by_hand(standing: Standing) -> bool:
    """With as many processes as ours has: one."""
    return (standing.family, standing.kernel, standing.processes) == ("FastAPI", ONNX, 1)


def _known(standings: Sequence[Standing], connections: int) -> list[tuple[str, Cell]]:
    found = [(each.rival, each.cell(ROW, connections)) for each in standings]
    return [(name, cell) for name, cell in found if cell is not None]


def _one_caller(standings: Sequence[Standing], job: str) -> Iterator[Floor]:
    if known := _known(standings, 1):
        name, best = min(known, key=lambda each: each[1].theirs.p50_ms / each[1].off.p50_ms)
        ours, theirs = best.off.p50_ms, best.theirs.p50_ms
        yield Floor(f"{job}, one caller: p50, at most {name}'s", ours, theirs, "ms", most=True)


def _streams(found: Standings) -> Iterator[Floor]:
    ours = {each.what: each.load for each in found.streams if each.who == NAME}
    for what, wanted in STREAM_RATES.items():
        if what in ours:
            load = ours[what]
            yield Floor(f"WebSocket, {what}", load.rate if load else 0.0, wanted, "rows/s")
    if lone := ours.get(LONE):
        yield Floor(f"WebSocket, {LONE}: p50", lone.p50_ms, LONE_STREAM_MS, "ms", most=True)


# -- others ----------------------------------------------------------------------------------------

GOODPUT: Final = 0.95
SLOWER: Final = 2.0
REFUSAL_MS: Final = 5.0
UNEVEN: Final = 0.05
TENSOR_TIMES: Final = 1.5
PLAYED: Final = 2000


def overloaded(peak: float, calm: Overload, flood: Overload) -> list[Floor]:
    """Three times what can be done, beside 80 % of it."""
    share, slower = flood.good / peak, flood.p99_ms / (calm.p99_ms or math.inf)
    refusal = flood.refusal_p99_ms if flood.refused else math.inf  # nobody was told to come later
    return [
        Floor("overload: goodput / peak", share, GOODPUT, "x"),
        Floor("overload: p99 of what is accepted / at 80 %", slower, SLOWER, "x", most=True),
        Floor("overload: p99 of a refusal", refusal, REFUSAL_MS, "ms", most=True),
        Floor("overload: lost or failed", flood.other, 0, "requests", most=True),
    ]


def crowded(shares: Mapping[str, float]) -> list[Floor]:
    """`shares` are rates divided by those of a server with nothing else registered."""
    return [
        Floor(f"{name}: throughput differs by", abs(1.0 - share), UNEVEN, "", most=True)
        for name, share in shares.items()
    ]


def packed(times: float) -> Floor:
    """How many times longer a request takes than the model itself."""
    what = "V2 binary, forest: time / ONNX Runtime called directly"
    return Floor(what, times, TENSOR_TIMES, "x", most=True)


class Watching(Protocol):
    """What those saw who watched a test."""

    @property
    def predictions(self) -> float: ...
    @property
    def fewest(self) -> int: ...
    @property
    def p99_ms(self) -> float: ...
    @property
    def equal(self) -> int: ...


def watched(sight: Watching, share: float, sockets: int) -> list[Floor]:
    """`share` is the rate of predictions with watchers, divided by that without."""
    return [
        Floor("watched: predictions", sight.predictions, 0.99 * PLAYED, "a second"),
        Floor("watched: frames of each socket in each second", sight.fewest, 4),
        Floor("watched: from commit to frame, p99", sight.p99_ms, 300, "ms", most=True),
        Floor("watched: last frame is what the database says", sight.equal, sockets, "sockets"),
        Floor("watched: predictions / without watchers", share, 0.9, "x"),
    ]


def soaked(growth: float, busiest: float) -> list[Floor]:
    """Of a page beside traffic: megabytes an hour, and its longest task's CPU time."""
    return [
        Floor("page: its heap grows by, an hour", growth, 5.0, "MB", most=True),
        Floor("page: CPU time of its longest task", busiest, 50.0, "ms", most=True),
    ]
