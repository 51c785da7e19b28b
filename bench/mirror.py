"""`python -m bench shadow`: what a test in the shadow costs those whom the champion answers.

One server with a strict log, SQLite, one process; rows one by one, as fast as they are answered, in
turns with a challenger in the shadow and without. A challenger computes each row once more and
leaves a row in the log, so the least that it can cost is its own work; whatever has to wait for
that is the challenger. Both loads of a turn come from the same generator.
"""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import wrk
from bench.contenders import manage
from bench.deployment import Deployment, Queue
from bench.load import Load
from bench.process import Server
from bench.progress import Progress
from bench.table import number, table
from bench.watchers import ENDPOINT, asked, tested

CONNECTIONS: Final = (1, 32)
SENT: Final = 64
HEAD: Final = (
    *("connections", "shadow/s", "alone/s", "ratio", "p50 ms", "alone p50 ms"),
    *("server us", "alone us", "mirrored"),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """The same load with a challenger in the shadow, and without; `mirrored` is a share of 1."""

    shadowed: Load
    alone: Load
    mirrored: float

    @property
    def ratio(self) -> float:
        return self.shadowed.rate / self.alone.rate


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")


def main(options: Namespace, folder: Path) -> int:
    progress, rounds = Progress(), options.rounds or (1 if options.quick else 5)
    with ExitStack() as stack:
        server = stack.enter_context(_server(folder, progress))
        script = folder / "post.lua"
        script.write_text(wrk.script(_bodies()), encoding="utf-8")
        turns: dict[int, list[Turn]] = {connections: [] for connections in CONNECTIONS}
        for _ in range(rounds):
            for connections, found in turns.items():
                found.append(_turn(server, script, connections, options.seconds))
                progress.say(f"{connections} connections: {found[-1].ratio:.2f}")
    title = f"One row a request, with a challenger in the shadow; load {os.getloadavg()[0]:.2f}"
    print(table(title, HEAD, [_line(at, found) for at, found in turns.items()]))
    return 0


@contextmanager
def _server(folder: Path, progress: Progress) -> Iterator[Server]:
    progress.say("training the demo")
    manage(folder, "migrate", "--verbosity", "0")
    manage(folder, "demo", ENDPOINT)
    with Deployment(folder, Queue("", ""), {}).embedded() as server:
        server.wait("/readyz")
        yield server


def _bodies() -> Sequence[bytes]:
    from inference.training.demos import held_out

    return [json.dumps(record).encode() for record in held_out(ENDPOINT).records[:SENT]]


def _turn(server: Server, script: Path, connections: int, seconds: float) -> Turn:
    """First with the challenger; whatever it still owes is done when the test is stopped."""
    path = f"/api/v1/{ENDPOINT}/predict"
    test = tested(server.port, mode="shadow", rule="none")
    shadowed = wrk.post(server, path, script, connections, seconds)
    said = [arm["exposures"] for arm in asked(server.port, f"abtests/{test}/live")["arms"]]
    asked(server.port, f"stop_ab_test/{test}", {})
    alone = wrk.post(server, path, script, connections, seconds)
    return Turn(shadowed, alone, said[1] / said[0])


def _line(connections: int, turns: Sequence[Turn]) -> list[str]:
    def of(side: str, name: str) -> str:
        return number(median(getattr(getattr(turn, side), name) for turn in turns))

    ratio = f"{median(turn.ratio for turn in turns):.2f}"
    rates = [of("shadowed", "rate"), of("alone", "rate"), ratio]
    waits = [of("shadowed", "p50_ms"), of("alone", "p50_ms")]
    costs = [of("shadowed", "cost_us"), of("alone", "cost_us")]
    return [
        str(connections),
        *rates,
        *waits,
        *costs,
        f"{median(turn.mirrored for turn in turns):.0%}",
    ]
