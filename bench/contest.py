"""`python -m bench peers`: ours as shipped beside each peer as its users run it.

A peer is started, warmed and measured with ours in turns, then stopped: so that all fit into the
memory, and none is measured while another one is awake.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from bench import asker, environments, jobs, ours, performance, rivals, standings, streams, wrk
from bench.floors import beside_peers
from bench.jobs import BOOSTING, FOREST, LINEAR, Job
from bench.match import Contest, Run, absent, played, reason
from bench.problem import BenchFailed
from bench.process import ROOT
from bench.progress import Progress
from bench.rivals import Rival
from bench.standings import BATCH, ROW, Board, Standings

KEPT: Final = ROOT / "var" / "peers" / "measured.json"
BATCH_CONNECTIONS: Final = 8
_ALL: Final = ((ROW, 1), (ROW, 32), (ROW, 128), (BATCH, BATCH_CONNECTIONS))
FULL: Final = Contest(4, 1.0, 3.0, dict.fromkeys((LINEAR, FOREST, BOOSTING), _ALL))
QUICK: Final = Contest(1, 1.0, 1.0, {LINEAR: _ALL, FOREST: _ALL, BOOSTING: ((ROW, 128),)})


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main, only="", jobs="", resume=False, write=False, show=False)
    parser.add_argument("--only", help="peers, with commas: mlserver,bentoml; others are kept")
    parser.add_argument("--jobs", help="linear,forest,boosting; all of them otherwise")
    parser.add_argument("--resume", action="store_true", help="go on where a run was ended")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and .svg")
    parser.add_argument("--show", action="store_true", help="measure nothing, show what was kept")


def main(options: Namespace, folder: Path) -> int:
    try:
        who = rivals.chosen(options.only)
    except ValueError as error:
        raise BenchFailed(str(error)) from error
    found = standings.read(KEPT) if options.show else _measured(options, folder, who)
    if options.write:
        performance.write(found)
    print(performance.page(found))
    missed = [floor for floor in beside_peers(found) if not floor.met]
    return 1 if options.gate and missed else 0


def _measured(options: Namespace, folder: Path, who: Sequence[Rival]) -> Standings:
    wrk.require()
    progress = Progress()
    lessons, skipped = _lessons(options.jobs, folder, progress)
    homes = _environments(who, progress)
    progress.say(f"registering {len(lessons)} jobs with ours")
    mine = ours.made(folder / "weir", lessons)
    board = _board(options, skipped)
    plan = QUICK if options.quick else FULL
    with mine.server() as server:
        run = Run(folder, plan, progress, mine, server, board)
        _alone(run, lessons)
        for rival in who:
            _one(run, rival, homes, _wanted(options, board, rival, lessons))
    return board.found


def _lessons(chosen: str, folder: Path, progress: Progress) -> tuple[list[Job], dict[str, str]]:
    """The jobs that can be done, and of the others why not."""
    names = [name.strip() for name in chosen.split(",") if name.strip()] or list(jobs.SAID)
    if unknown := set(names) - set(jobs.SAID):
        raise BenchFailed(f"There is no job {', '.join(sorted(unknown))}, but {list(jobs.SAID)}.")
    found, skipped = [], {}
    for name in names:
        progress.say(f"training: {jobs.SAID[name]}")
        try:
            found.append(jobs.prepare(name, folder))
        except BenchFailed as failed:
            skipped[name] = str(failed)
    return found, skipped


def _environments(who: Sequence[Rival], progress: Progress) -> dict[str, Path | BenchFailed]:
    """Before anything is measured: what cannot be installed is told in the table."""
    homes: dict[str, Path | BenchFailed] = {}
    for name in dict.fromkeys(rival.environment for rival in who if rival.environment):
        progress.say(f"environment: {name}")
        try:
            homes[name] = environments.built(name)
        except BenchFailed as failed:
            homes[name] = failed
            progress.say(f"{name} does not install: {failed}")
    return homes


def _board(options: Namespace, skipped: dict[str, str]) -> Board:
    kept = standings.read(KEPT) if options.resume or options.only else Standings()
    told = replace(kept, command=_command(options), machine=performance.machine(), skipped=skipped)
    return Board(KEPT, told)


def _command(options: Namespace) -> str:
    given = ["--quick"] if options.quick else []
    given += [f"--only {options.only}"] if options.only else []
    given += [f"--jobs {options.jobs}"] if options.jobs else []
    return " ".join(["python -m bench peers", *given])


def _wanted(options: Namespace, board: Board, rival: Rival, lessons: Sequence[Job]) -> list[Job]:
    return [
        job for job in lessons if not (options.resume and board.found.has(rival.name, job.name))
    ]


def _alone(run: Run, lessons: Sequence[Job]) -> None:
    """Ours until it answers, rightly; then its streams, and what it takes."""
    began = perf_counter()
    asks = [each.singles(job) for job in lessons for each in run.ours.wires(job.name).values()]
    ended = run.server.until(partial(asker.is_up, run.server, asks[0]))
    for ask in asks:
        asker.check_all(run.server, ask)
    forests = [job for job in lessons if job.name == FOREST]
    for job in forests:
        run.progress.say("ours, over WebSocket")
        for stream in streams.of_ours(run.folder, job, run.server, run.ours, run.plan):
            run.board.add(stream)
    used = run.server.proportional_megabytes()
    run.board.set(replace(run.board.found, start_seconds=ended - began, megabytes=used))


def _one(
    run: Run, rival: Rival, homes: dict[str, Path | BenchFailed], lessons: Sequence[Job]
) -> None:
    """A peer in each job."""
    home = homes.get(rival.environment, run.folder)  # one without an environment needs only ours
    for job in lessons:
        run.progress.say(f"{rival.name}: {job.name}")
        if isinstance(home, BenchFailed):
            run.board.add(absent(run, rival, job, reason(home)))
        else:
            run.board.add(played(run, rival, home, job))
