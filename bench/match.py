"""One peer at one job, beside ours: started, warmed, measured in turns, stopped."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

import psutil

from bench import asker, environments, rivals, streams
from bench.family import Family
from bench.jobs import FOREST, Job
from bench.load import Load, middle
from bench.ours import OFF, STRICT, Ours
from bench.peers.kernels import ONNX
from bench.problem import BenchFailed
from bench.progress import Progress
from bench.rivals import Rival
from bench.standings import BATCH, ROW, Board, Cell, Standing, times
from bench.wire import Ask, Wire

THEIRS: Final = "theirs"
WARM_CONNECTIONS: Final = 32
REASON: Final = 160
_FAILURES: Final = (BenchFailed, OSError, subprocess.SubprocessError, psutil.Error)


@dataclass(frozen=True, slots=True)
class Contest:
    """How much is measured: of each job the cells, how often, how many seconds each time."""

    rounds: int
    seconds: float
    warm: float
    cells: Mapping[str, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Run:
    """What every part of it needs."""

    folder: Path
    plan: Contest
    progress: Progress
    ours: Ours
    server: Family
    board: Board


@dataclass
class Match:
    """What one match has found so far: kept also if it ends badly."""

    run: Run
    rival: Rival
    job: Job
    start_seconds: float = 0.0
    megabytes: float = 0.0
    cells: tuple[Cell, ...] = ()

    def play(self, home: Path) -> None:
        """Raises one of the failures as soon as something is wrong."""
        for left in reversed(range(self.rival.tries)):
            try:
                self._try(home)
            except _FAILURES as error:
                if self.start_seconds or not left:
                    raise
                self.run.progress.say(f"once more: {reason(error)}")
            else:
                return

    def _try(self, home: Path) -> None:
        work = self.run.folder / "work"
        try:
            place = rivals.place(self.rival, home, self.job.folder, work)
            self._beside(self.rival.start(place))
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def standing(self, failed: str) -> Standing:
        rival = self.rival
        return Standing(
            rival.name,
            rival.family,
            rival.kernel,
            rival.processes,
            self.job.name,
            environments.version(rival.environment, rival.package) if rival.package else "",
            self.start_seconds,
            self.megabytes,
            self.cells,
            failed,
            datetime.now(UTC).date().isoformat(),
        )

    def _beside(self, server: Family) -> None:
        began = perf_counter()
        first = self.rival.wire.singles(self.job)
        with server:
            ended = server.until(partial(asker.is_up, server, first))
            self.start_seconds = ended - began
            self._check(server, self.rival.wire)
            self._warm(server, first)
            for rows, connections in self.run.plan.cells[self.job.name]:
                self._cell(server, rows, connections)
            self.megabytes = server.proportional_megabytes()
            self._streams(server)

    def _check(self, server: Family, wire: Wire) -> None:
        for ask in (wire.singles(self.job), wire.batches(self.job)):
            if ask is not None:
                asker.check_all(server, ask)

    def _warm(self, server: Family, ask: Ask) -> None:
        for each, name in ((ask, THEIRS), (self._ours(OFF).singles(self.job), OFF)):
            to = server if name == THEIRS else self.run.server
            self._load(to, each, name, WARM_CONNECTIONS, self.run.plan.warm)

    def _cell(self, server: Family, rows: int, connections: int) -> None:
        """Everybody in turn, and again; a peer that has no door for batches is left out."""
        asks = self._asks(rows)
        if THEIRS not in asks:
            return
        loads: dict[str, list[Load]] = {name: [] for name in asks}
        for _ in range(self.run.plan.rounds):
            for name, ask in asks.items():
                to = server if name == THEIRS else self.run.server
                load = self._load(to, ask, f"{name}{rows}", connections, self.run.plan.seconds)
                loads[name].append(load)
        cell = _cell(rows, connections, loads)
        self.cells += (cell,)
        self.run.progress.say(_told(cell))

    def _asks(self, rows: int) -> dict[str, Ask]:
        doors = {OFF: self._ours(OFF), STRICT: self._ours(STRICT), THEIRS: self.rival.wire}
        if rows == BATCH:
            del doors[STRICT]
        made = {
            name: wire.singles(self.job) if rows == ROW else wire.batches(self.job)
            for name, wire in doors.items()
        }
        return {name: ask for name, ask in made.items() if ask is not None}

    def _ours(self, mode: str) -> Wire:
        return self.run.ours.wires(self.job.name)[mode]

    def _load(self, to: Family, ask: Ask, name: str, connections: int, seconds: float) -> Load:
        whose = self.rival.name.replace(" ", "-") if name.startswith(THEIRS) else "ours"
        script = self.run.folder / f"{whose}-{self.job.name}-{name}.lua"
        return asker.load(to, ask, script, connections, seconds)

    def _streams(self, server: Family) -> None:
        if self.rival.sockets and self.job.name == FOREST and self.rival.processes == 1:
            found = streams.of_peer(self.run.folder, self.job, server, self.rival, self.run.plan)
            for stream in found:
                self.run.board.add(stream)


def played(run: Run, rival: Rival, home: Path, job: Job) -> Standing:
    """With what was found before it failed, if it failed."""
    match = Match(run, rival, job)
    if rival.kernel == ONNX and not (job.folder / "model.onnx").exists():
        return match.standing("this model was not compiled")
    try:
        match.play(home)
    except _FAILURES as error:
        run.progress.say(f"{rival.name} failed:\n{error}")
        return match.standing(reason(error))
    return match.standing("")


def absent(run: Run, rival: Rival, job: Job, failed: str) -> Standing:
    """It could not even be tried."""
    return Match(run, rival, job).standing(failed)


def reason(error: Exception) -> str:
    """What of an error fits into a table: its last line, where tracebacks say what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:REASON]


def _cell(rows: int, connections: int, loads: Mapping[str, Sequence[Load]]) -> Cell:
    strict, theirs = loads.get(STRICT, ()), loads[THEIRS]
    return Cell(
        rows,
        connections,
        middle(theirs),
        middle(loads[OFF]),
        middle(strict) if strict else None,
        times(loads[OFF], theirs),
        times(strict, theirs),
    )


def _told(cell: Cell) -> str:
    what = f"{cell.rows} row(s), {cell.connections} connections"
    return f"  {what}: {cell.theirs.rate:,.0f} beside {cell.off.rate:,.0f} requests/s"
