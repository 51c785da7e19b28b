"""What a server with two demo endpoints takes: memory, and time from start to first answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.contenders import manage, serve
from bench.lone import Line
from bench.plan import Plan
from bench.problem import BenchFailed
from bench.process import Server
from bench.progress import Progress

# One feature of each; the others are missing, which the demos' models know how to fill.
DEMOS: Final = {"breast_cancer": {"mean radius": 14.0}, "diabetes": {"bmi": 0.05}}
CALLS: Final = 500


@dataclass(frozen=True, slots=True)
class Footprint:
    """Medians: megabytes after some hundred answers, seconds from the start of the process."""

    megabytes: float
    first_answer: float


def measure(folder: Path, plan: Plan, progress: Progress) -> Footprint:
    progress.say(f"training the demos {' and '.join(DEMOS)}")
    home = folder / "demo"
    home.mkdir()
    manage(home, "migrate", "--verbosity", "0")
    manage(home, "demo", *DEMOS)
    found = [_start(home, progress) for _ in range(plan.starts)]
    return Footprint(median(m for m, _ in found), median(s for _, s in found))


def _start(home: Path, progress: Progress) -> tuple[float, float]:
    progress.say("starting with two demos")
    began = time.perf_counter()
    with serve(home) as server:
        first = _request(next(iter(DEMOS)))
        seconds = server.until(lambda: answered(server, first)) - began
        line = Line(server.port)
        for name in DEMOS:
            for _ in range(CALLS):
                line.ask(_request(name))
        line.close()
        return server.resident_megabytes(), seconds


def answered(server: Server, request: bytes) -> bool:
    """Whether it says 200 to this now."""
    try:
        line = Line(server.port)
        line.ask(request)
    except (OSError, BenchFailed):
        return False
    line.close()
    return True


def _request(name: str) -> bytes:
    body = json.dumps(DEMOS[name])
    head = f"POST /api/v1/{name}/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"{head}{kind}{body}".encode()
