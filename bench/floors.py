"""What must be reached, beside what was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.contenders import FASTAPI, OURS_OFF, OURS_STRICT, TUTORIAL
from bench.measure import ALONE, ONE_ROW, ONE_SOCKET, ROWS_BLOCK, ROWS_JSON, Results


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
