"""`python -m bench watchers`: a hundred sockets watch a test while traffic plays.

Two things are measured. How soon they see what was committed: predictions at a fixed rate, and
labels for them as fast as they are answered. And what they cost: rounds of predictions as fast as
they are answered, in turns with watchers and without.

The wait of an answer begins when the client has it, and what is answered is committed. It ends, on
each socket, with the first frame whose counts are those of everything that had been asked for by
then; so it is never shorter than the time from the commit to the frame, apart from the time that
the answer itself was on its way.
"""

from __future__ import annotations

import http.client
import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from bench import audience, playing
from bench.audience import Audience, Frame, Seen
from bench.contenders import manage
from bench.deployment import Deployment, Queue, queue
from bench.floors import watched
from bench.playing import Played, Told
from bench.process import Server
from bench.progress import Progress
from bench.report import floor_table
from bench.table import number, table

ENDPOINT: Final = "breast_cancer"
RATE: Final = 2000.0
PARTS: Final = ("arms", "evidence", "verdict", "health")  # of a snapshot, what the database says
HEAD: Final = ("round", "watched/s", "alone/s", "ratio", "server us", "alone us", "watching")


@dataclass(frozen=True, slots=True)
class Sight:
    """What the sockets saw of a play; waits in milliseconds."""

    predictions: float  # a second
    labels: float
    late: int
    fewest: int  # frames of a socket in one second
    p50_ms: float
    p99_ms: float
    equal: int  # sockets whose last frame is what the database says
    server_cpu: float
    watchers_cpu: float


@dataclass(frozen=True, slots=True)
class Round:
    """Predictions a second, and the server's microseconds for one; with watchers, then without."""

    rates: tuple[float, float]
    costs: tuple[float, float]

    @property
    def ratio(self) -> float:
        return self.rates[0] / self.rates[1]

    @property
    def watching(self) -> float:
        """What the watchers took of one CPU; where others are busy, this says most."""
        return 1e-6 * (self.costs[0] - self.costs[1]) * self.rates[0]


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)
    parser.add_argument("--redis", action="store_true", help="a web process and a worker")
    parser.add_argument("--sockets", type=int, default=100)
    parser.add_argument("--labellers", type=int, default=2, help="connections that send labels")
    parser.add_argument("--rate", type=float, default=RATE, help="predictions a second")
    parser.add_argument("--seconds", type=float, default=0.0, help="of the play at that rate")
    parser.add_argument("--rounds", type=int, default=0, help="with watchers and without")


def main(options: Namespace, folder: Path) -> int:
    progress = Progress()
    seconds = options.seconds or (5.0 if options.quick else 20.0)
    rounds = options.rounds or (2 if options.quick else 7)
    with ExitStack() as stack:
        hall = _hall(folder, options, stack, progress)
        progress.say(f"{options.rate:,.0f} predictions/s with labels, {options.sockets} watchers")
        sight = hall.sight(options.rate, options.labellers, seconds)
        turns = [_told(progress, hall.round()) for _ in range(rounds)]
    print(_page(sight, turns, options.sockets))
    floors = watched(sight, median(turn.ratio for turn in turns), options.sockets)
    print(floor_table(floors))
    return 1 if options.gate and any(not floor.met for floor in floors) else 0


def _told(progress: Progress, turn: Round) -> Round:
    progress.say(f"{turn.rates[0]:,.0f}/s watched, {turn.rates[1]:,.0f}/s alone")
    return turn


# -- what is measured ------------------------------------------------------------------------------


@dataclass(slots=True)
class Hall:
    """A server with a running test, and those who watch it."""

    server: Server
    folder: Path
    test: int
    sockets: int
    runs: Iterator[int]

    def sight(self, rate: float, labellers: int, seconds: float) -> Sight:
        before = self.snapshot()
        with self.audience() as watching:
            cpu = self.server.cpu_seconds()
            played = self.play(rate, labellers, seconds)
            cpu = self.server.cpu_seconds() - cpu
        return sight(played, watching.seen, (before, self.snapshot()), cpu)

    def round(self) -> Round:
        with self.audience():
            watched = self.throughput()
        alone = self.throughput()
        return Round((watched[0], alone[0]), (watched[1], alone[1]))

    def throughput(self) -> tuple[float, float]:
        """Predictions a second as fast as they are answered, and the server's time for one."""
        cpu = self.server.cpu_seconds()
        played = self.play(0.0, 0, 4.0)
        each = (self.server.cpu_seconds() - cpu) / len(played.predictions)
        return _rate(played.predictions, played), 1e6 * each

    def play(self, rate: float, labellers: int, seconds: float) -> Played:
        rows, run = str(self.folder / "rows.json"), f"run{next(self.runs)}"
        return playing.measure(
            playing.Spec(self.server.port, ENDPOINT, rows, run, rate, seconds, labellers)
        )

    def audience(self) -> Audience:
        topic, written = f"experiment:{self.test}", str(self.folder / "seen.json")
        return Audience(audience.Spec(self.server.port, topic, self.sockets, written))

    def snapshot(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = asked(self.server.port, f"abtests/{self.test}/live")
        return found


def sight(
    played: Played, seen: Seen, around: tuple[Mapping[str, Any], Mapping[str, Any]], cpu: float
) -> Sight:
    """`around` are the snapshots by REST before the play and after it."""
    before, after = around
    waits = np.concatenate(
        [
            waits_of(told, seen.frames, what, sum(arm[name] for arm in before["arms"]))
            for what, name, told in (
                (1, "exposures", played.predictions),
                (2, "labelled", played.labels),
            )
        ]
    )
    p50, p99 = np.percentile(waits, (50, 99))
    lasted = played.ended - played.began
    return Sight(
        _rate(played.predictions, played),
        _rate(played.labels, played),
        played.late,
        min(fewest(frames, played.began, played.ended) for frames in seen.frames),
        float(1e3 * p50),
        float(1e3 * p99),
        sum(all(last[part] == after[part] for part in PARTS) for last in seen.last),
        cpu / lasted,
        seen.cpu_seconds / lasted,
    )


def waits_of(
    told: Sequence[Told], seats: Sequence[Sequence[Frame]], what: int, base: int
) -> np.ndarray:
    """Seconds from each answer to the frame of each socket that has it; infinite if none has.

    `what` is the place of the count in a frame, `base` what it was before the first answer.
    """
    at, asked = np.array(told, dtype=np.float64).reshape(-1, 2).T
    found = []
    for frames in seats:
        came = np.array([frame.at for frame in frames] + [np.inf])
        counts = np.array([frame[what] for frame in frames], dtype=np.float64)
        found.append(np.maximum(0.0, came[np.searchsorted(counts, asked + base)] - at))
    return np.concatenate(found)


def fewest(frames: Sequence[Frame], began: float, ended: float) -> int:
    """The frames in that whole second of the play which has the fewest."""
    edges = np.arange(began, ended + 1e-3, 1.0)
    counts, _ = np.histogram([frame.at for frame in frames], edges)
    return int(counts.min())


def _rate(told: Sequence[Told], played: Played) -> float:
    return sum(each.at <= played.ended for each in told) / (played.ended - played.began)


# -- who is measured -------------------------------------------------------------------------------


def _hall(folder: Path, options: Namespace, stack: ExitStack, progress: Progress) -> Hall:
    progress.say("training the demos")
    manage(folder, "migrate", "--verbosity", "0")
    manage(folder, "demo", "breast_cancer", "digits", "diabetes")
    _write_rows(folder / "rows.json")
    if options.redis:
        deployment = Deployment(folder, stack.enter_context(queue(folder)), {})
        server = stack.enter_context(deployment.web([stack.enter_context(deployment.worker())]))
    else:
        server = stack.enter_context(Deployment(folder, Queue("", ""), {}).embedded())
    server.wait("/readyz")
    return Hall(server, folder, tested(server.port), options.sockets, count(1))


def _write_rows(path: Path) -> None:
    from inference.training.demos import held_out

    rows = held_out(ENDPOINT)
    pairs = zip(rows.records, map(str, rows.labels), strict=True)
    path.write_text(json.dumps([list(pair) for pair in pairs]), encoding="utf-8")


def tested(port: int, **agreed: object) -> int:
    """A test of the endpoint's two algorithms."""
    numbers = {each["name"]: each["id"] for each in asked(port, "endpoints")}
    algorithms = asked(port, "mlalgorithms")
    arms = [each["id"] for each in algorithms if each["parent_endpoint"] == numbers[ENDPOINT]]
    split = [{"algorithm": arm, "weight": 1} for arm in arms]
    body = {"title": "forest or trees", "created_by": "bench", "arms": split, **agreed}
    return int(asked(port, "abtests", body)["id"])


def asked(port: int, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30.0)
    with closing(line):
        line.request("GET" if data is None else "POST", f"/api/v1/{path}", data, headers)
        return json.load(line.getresponse())


# -- what is said ----------------------------------------------------------------------------------


def _page(seen: Sight, turns: Sequence[Round], sockets: int) -> str:
    busy = f"load average {os.getloadavg()[0]:.2f}"
    rows = [
        ("predictions/s", number(seen.predictions)),
        ("labels/s", number(seen.labels)),
        ("predictions that were due and not asked for", f"{seen.late:,}"),
        ("fewest frames of a socket in a second", str(seen.fewest)),
        ("from commit to frame, p50 ms", number(seen.p50_ms)),
        ("from commit to frame, p99 ms", number(seen.p99_ms)),
        ("last frames that are what the database says", f"{seen.equal} of {sockets}"),
        ("server, of one CPU", f"{seen.server_cpu:.0%}"),
        ("watchers, of one CPU", f"{seen.watchers_cpu:.0%}"),
    ]
    lines = [(str(at), *_cells(turn)) for at, turn in enumerate(turns, 1)]
    return "\n".join(
        [
            table(f"{sockets} watchers of a test that plays; {busy}", ("what", ""), rows),
            table("Predictions as fast as they are answered", HEAD, lines),
        ]
    )


def _cells(turn: Round) -> list[str]:
    rates, costs = map(number, turn.rates), map(number, turn.costs)
    return [*rates, f"{turn.ratio:.3f}", *costs, f"{turn.watching:.1%}"]
