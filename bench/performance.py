"""What was found beside the peers as tables: on the terminal, and in docs/performance.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import plot
from bench.floors import Floor, beside_peers
from bench.jobs import SAID
from bench.load import Load, middle
from bench.problem import BenchFailed
from bench.process import ROOT
from bench.standings import BATCH, ROW, Cell, Standing, Standings
from bench.table import Row, number, table

DOCUMENT: Final = ROOT / "docs" / "performance.md"
PLOT: Final = ROOT / "docs" / "performance.svg"
OURS_OFF: Final = "**Weir**, log off"
OURS_STRICT: Final = "**Weir**, strict log"
CONNECTIONS: Final = (1, 32, 128)
_NONE: Final = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table that can be shown in two ways."""

    title: str
    head: Row
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def text(self) -> str:
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        notes = "".join(f"  {note}\n" for note in self.notes)
        return table(self.title, self.head, rows) + notes

    def markdown(self) -> str:
        rule = ["---", *("---:" for _ in self.head[1:])]
        lines = [_line(row) for row in (self.head, rule, *self.rows)]
        notes = [part for note in self.notes for part in ("", note)]
        return "\n".join([f"**{self.title}**", "", *lines, *notes, ""])


def page(found: Standings) -> str:
    """What a run prints."""
    return "\n".join([_told(found), *(sheet.text() for sheet in sheets(found))])


def write(found: Standings, document: Path = DOCUMENT, picture: Path = PLOT) -> None:
    """The tables between the markers, and the plot; what stands around them stays."""
    text = document.read_text(encoding="utf-8")
    parts = {
        "run": _told(found),
        "rest": "\n".join(each.markdown() for each in _rest(found)),
        "batches": "\n".join(each.markdown() for each in _batches(found)),
        "streams": _streams(found).markdown(),
        "takes": _takes(found).markdown(),
        "floors": floor_sheet(beside_peers(found)).markdown(),
    }
    for name, body in parts.items():
        text = replaced(text, name, body)
    document.write_text(text, encoding="utf-8")
    picture.write_text(plot.svg(found), encoding="utf-8")


def replaced(text: str, name: str, body: str) -> str:
    """With `body` between the markers of this name; raises BenchFailed where they are not."""
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not found.search(text):
        raise BenchFailed(f"The document has no markers for {name}: {begin} and {end}.")
    return found.sub(lambda _: f"{begin}\n{body.strip()}\n{end}", text)


def sheets(found: Standings) -> list[Sheet]:
    floors = floor_sheet(beside_peers(found))
    return [*_rest(found), *_batches(found), _streams(found), _takes(found), floors]


def machine() -> str:
    return f"{os.cpu_count()} CPUs ({platform.machine()}), Python {platform.python_version()}"


def _told(found: Standings) -> str:
    days = sorted({each.measured for each in found.standings if each.measured})
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
    lines = [f"Measured by `{found.command}`, {when}, {found.machine}."]
    lines += [f"Meanwhile others took {_others(found):.0%} of one CPU (median of all loads)."]
    lines += [f"Without {job}: {reason}." for job, reason in found.skipped.items()]
    return "\n".join([*lines, ""])


def _others(found: Standings) -> float:
    cells = [cell for each in found.standings for cell in each.cells]
    shares = [load.others_cpu for cell in cells for load in (cell.theirs, cell.off)]
    return median(shares or [0.0])


def _rest(found: Standings) -> list[Sheet]:
    return [_of_job(found, job) for job in SAID if found.of(job)]


def _of_job(found: Standings, job: str) -> Sheet:
    standings = found.of(job)
    head = ["requests/s"]
    for connections in CONNECTIONS:
        head += [f"{connections}: rate", "p50 ms", "p99 ms", "off x", "strict x"]
    rows = [_ours(name, standings, pick) for name, pick in _PICKS.items()]
    rows += [_theirs(each) for each in standings]
    notes = [f"{each.rival} failed: {each.failed}" for each in standings if each.failed]
    return Sheet(f"One row a request: {SAID[job]}", [*head, "errors"], rows, notes)


def _theirs(standing: Standing) -> list[str]:
    if not standing.cells:
        return [standing.rival, *[_NONE] * (5 * len(CONNECTIONS)), "failed"]
    row = [standing.rival]
    for connections in CONNECTIONS:
        cell = standing.cell(ROW, connections)
        row += _cells(cell.theirs, cell) if cell else [_NONE] * 5
    return [*row, _errors(standing)]


def _cells(load: Load, cell: Cell | None = None) -> list[str]:
    """Of a rival with how many times faster ours was beside it."""
    ratios = [_NONE, _NONE]
    if cell is not None:
        ratios = [number(cell.ratio_off), number(cell.ratio_strict) if cell.strict else _NONE]
    return [number(load.rate), number(load.p50_ms), number(load.p99_ms), *ratios]


def _errors(standing: Standing) -> str:
    count = sum(cell.theirs.errors for cell in standing.cells)
    return f"{count:,}, failed" if standing.failed else f"{count:,}"


def _ours(
    name: str, standings: Sequence[Standing], pick: Callable[[Cell], Load | None]
) -> list[str]:
    """The medians of all that was measured beside somebody."""
    row, errors = [name], 0
    for connections in CONNECTIONS:
        loads = _picked(standings, ROW, connections, pick)
        row += _cells(middle(loads)) if loads else [_NONE] * 5
        errors += sum(load.errors for load in loads)
    return [*row, f"{errors:,}"]


def _picked(
    standings: Sequence[Standing], rows: int, connections: int, pick: Callable[[Cell], Load | None]
) -> list[Load]:
    cells = [cell for each in standings if (cell := each.cell(rows, connections))]
    return [load for cell in cells if (load := pick(cell))]


_PICKS: Final[dict[str, Callable[[Cell], Load | None]]] = {
    OURS_OFF: lambda cell: cell.off,
    OURS_STRICT: lambda cell: cell.strict,
}


def _batches(found: Standings) -> list[Sheet]:
    return [sheet for job in SAID if (sheet := _batch(found, job)).rows]


def _batch(found: Standings, job: str) -> Sheet:
    cells = [(each.rival, cell) for each in found.of(job) for cell in each.cells]
    large = [(name, cell) for name, cell in cells if cell.rows == BATCH]
    rows = [[name, *_batch_cells(cell.theirs), number(cell.ratio_off)] for name, cell in large]
    if large:
        ours = middle([cell.off for _, cell in large])
        rows.insert(0, [OURS_OFF, *_batch_cells(ours), _NONE])
    head = ["64 rows a request, 8 connections", "rows/s", "p50 ms", "p99 ms", "errors", "off x"]
    return Sheet(f"64 rows a request: {SAID[job]}", head, rows)


def _batch_cells(load: Load) -> list[str]:
    times = (BATCH * load.rate, load.p50_ms, load.p99_ms)
    return [*(number(each) for each in times), f"{load.errors:,}"]


def _streams(found: Standings) -> Sheet:
    head = ["WebSocket, forest", "frames", "rows/s", "p50 ms", "p99 ms"]
    rows = [
        [each.who, each.what, number(each.load.rate), _ms(each.load.p50_ms), _ms(each.load.p99_ms)]
        if each.load
        else [each.who, each.what, "failed", _NONE, _NONE]
        for each in found.streams
    ]
    notes = [f"{each.who}, {each.what}: {each.failed}" for each in found.streams if each.failed]
    return Sheet("WebSocket, log off", head, rows, notes)


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 1 else number(value)


def _takes(found: Standings) -> Sheet:
    """The largest of the jobs' memory, and the slowest start."""
    started = [each for each in found.standings if each.start_seconds]
    rows = [["**Weir**, all jobs in one process", _NONE, *_used(found)]]
    for name in dict.fromkeys(each.rival for each in started):
        of_it = [each for each in started if each.rival == name]
        worst = max(of_it, key=lambda each: each.megabytes)
        slowest = max(each.start_seconds for each in of_it)
        rows.append([name, worst.version, number(worst.megabytes), number(slowest)])
    head = ["what it takes", "version", "MB after the load", "s to the first answer"]
    return Sheet("Memory of all its processes, and start", head, rows)


def _used(found: Standings) -> list[str]:
    return [number(found.megabytes), number(found.start_seconds)]


def floor_sheet(reached: Iterable[Floor]) -> Sheet:
    rows = [
        [
            floor.what,
            number(floor.reached),
            f"{'<=' if floor.most else '>='} {number(floor.wanted)} {floor.unit}".strip(),
            "met" if floor.met else "**missed**",
        ]
        for floor in reached
    ]
    return Sheet("Floors", ["what", "reached", "wanted", ""], rows)


def _line(row: Row) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _plain(cell: str) -> str:
    return cell.replace("**", "")
