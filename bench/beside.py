"""REST through a web process and a worker, beside one process that does all, on one database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import Final

from bench import measure
from bench.contenders import OFF, STRICT, Target
from bench.deployment import Deployment
from bench.footprint import answered
from bench.load import Load
from bench.lone import Line, requests, timed
from bench.measure import Bench
from bench.process import Server

EMBEDDED: Final = "embedded"
DISTRIBUTED: Final = "web + worker"
LOGS: Final = {"strict log": STRICT, "log off": OFF}
CALLS: Final = 1000
# What the dashboard asks for when it is opened.
LOOK: Final = ("/", "/api/v1/endpoints", "/api/v1/abtests", "/api/v1/operations")


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the web process, in megabytes: when it was ready, and when it had been used."""

    ready: float
    used: float


@dataclass(frozen=True, slots=True)
class Beside:
    """By mode and log, as `named` says it: loads, and the milliseconds that one caller waits."""

    http: Mapping[str, Load]
    lone: Mapping[str, float]
    memory: Memory

    def share(self, log: str) -> float:
        """How many requests the distributed mode answers for one of the embedded."""
        return self.http[named(DISTRIBUTED, log)].rate / self.http[named(EMBEDDED, log)].rate

    def added_ms(self, log: str) -> float:
        """What the way to the worker and back costs one caller."""
        return self.lone[named(DISTRIBUTED, log)] - self.lone[named(EMBEDDED, log)]


def named(mode: str, log: str) -> str:
    return f"{mode}, {log}"


def run(bench: Bench, deployment: Deployment, worker: Server) -> Beside:
    """Both at once, in turns; the worker runs already."""
    with ExitStack() as stack:
        web = stack.enter_context(deployment.web([worker]))
        _wait(bench, web)
        memory = _memory(bench, web)
        embedded = stack.enter_context(deployment.embedded())
        _wait(bench, embedded)
        targets = [*_targets(EMBEDDED, embedded), *_targets(DISTRIBUTED, web)]
        measure.check(bench, targets)
        loads = measure.http_rounds(bench, targets)
        http = {name: load for (name, _), load in loads.items()}
        found = Beside(http, _alone(bench, targets), memory)
        measure.check(bench, targets)
    return found


def _wait(bench: Bench, server: Server) -> None:
    """Until both endpoints answer: a worker that is alive may still be loading its models."""
    for endpoint in LOGS.values():
        request = requests(f"/api/v1/{endpoint}/predict", bench.work)[0]
        server.until(partial(answered, server, request))


def _targets(mode: str, server: Server) -> list[Target]:
    return [
        Target(named(mode, log), server, f"/api/v1/{endpoint}/predict")
        for log, endpoint in LOGS.items()
    ]


def _memory(bench: Bench, web: Server) -> Memory:
    bench.progress.say("memory of the web process")
    ready = web.resident_megabytes()
    line = Line(web.port)
    for request in islice(cycle(requests(f"/api/v1/{STRICT}/predict", bench.work)), CALLS):
        line.ask(request)
    for path in LOOK:
        line.ask(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    line.close()
    return Memory(ready, web.resident_megabytes())


def _alone(bench: Bench, targets: Sequence[Target]) -> dict[str, float]:
    """The median; they take turns, so that a noisy moment falls on all of them."""
    bench.progress.say("one caller alone")
    lines = {target.name: Line(target.server.port) for target in targets}
    asked = {target.name: cycle(requests(target.path, bench.work)) for target in targets}
    waits: dict[str, list[float]] = {target.name: [] for target in targets}
    calls = bench.plan.lone_calls
    for _ in range(calls):
        for name, line in lines.items():
            waits[name].append(timed(partial(line.ask, next(asked[name]))))
    for line in lines.values():
        line.close()
    return {name: 1e3 * median(each[calls // 10 :]) for name, each in waits.items()}
