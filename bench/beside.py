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
from bench.load import Load, middle
from bench.lone import Line, requests, timed
from bench.measure import Bench
from bench.process import Server

EMBEDDED: Final = "embedded"
DISTRIBUTED: Final = "web + worker"
LOGS: Final = {"strict log": STRICT, "log off": OFF}
CONNECTIONS: Final = 128
SECONDS: Final = 2.0
TURNS: Final = 3  # of each for a round of the plan: many short ones, one right after the other
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
    """By mode and log, as `named` says it: loads, and the milliseconds that one caller waits.

    `shares` says by log how many requests the distributed mode answers for one of the embedded.
    """

    http: Mapping[str, Load]
    shares: Mapping[str, float]
    lone: Mapping[str, float]
    memory: Memory

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
        targets = _targets({EMBEDDED: embedded, DISTRIBUTED: web})
        measure.check(bench, targets)
        loads = _loads(bench, targets)
        http = {name: middle(each) for name, each in loads.items()}
        found = Beside(http, shares(loads), _alone(bench, targets), memory)
        measure.check(bench, targets)
    return found


def _wait(bench: Bench, server: Server) -> None:
    """Until both endpoints answer: a worker that is alive may still be loading its models."""
    for endpoint in LOGS.values():
        request = requests(f"/api/v1/{endpoint}/predict", bench.work)[0]
        server.until(partial(answered, server, request))


def _targets(servers: Mapping[str, Server]) -> list[Target]:
    """In an order that puts beside each other what is compared."""
    return [
        Target(named(mode, log), server, f"/api/v1/{endpoint}/predict")
        for log, endpoint in LOGS.items()
        for mode, server in servers.items()
    ]


def _loads(bench: Bench, targets: Sequence[Target]) -> dict[str, list[Load]]:
    for target in targets:
        measure.one_load(bench, target, CONNECTIONS, bench.plan.warm)
    loads: dict[str, list[Load]] = {target.name: [] for target in targets}
    for turn in range(TURNS * bench.plan.rounds):
        for target in targets:
            load = measure.one_load(bench, target, CONNECTIONS, SECONDS)
            loads[target.name].append(load)
            bench.progress.say(f"turn {turn + 1}, {target.name}: {load.rate:,.0f} requests/s")
    return loads


def shares(loads: Mapping[str, Sequence[Load]]) -> dict[str, float]:
    """By log, the median of the turns' ratios: a turn is short, so its noise is that of both."""
    found = {}
    for log in LOGS:
        turns = zip(loads[named(DISTRIBUTED, log)], loads[named(EMBEDDED, log)], strict=True)
        found[log] = median(ours.rate / theirs.rate for ours, theirs in turns)
    return found


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
