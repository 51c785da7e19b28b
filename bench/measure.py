"""The run: everybody prepared and started, measured in turns, checked before, during and after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import contenders, footprint, lesson, lone, sockets, wrk
from bench.contenders import OFF, OURS_OFF, OURS_STRICT, Contender, Target
from bench.footprint import Footprint
from bench.load import Load, middle
from bench.lone import Lone
from bench.plan import Plan
from bench.process import Server
from bench.progress import Progress
from bench.sockets import Spec
from bench.watch import Caller, Watch
from bench.workload import Workload

ONE_ROW = "one row a frame, JSON"
ROWS_JSON = "64 rows a frame, JSON"
ROWS_MSGPACK = "64 rows a frame, msgpack"
ROWS_BLOCK = "64 rows a frame, packed block"
ONE_SOCKET = "one row a frame, one socket, 32 in flight"
ALONE = "one row a frame, one socket, one in flight"
ROWS = 64
# 16 sockets with 4 frames of 64 rows: as much as the server's queue takes by default, halved.
ROWS_IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class Results:
    """Medians; `http` by name and connections."""

    http: Mapping[tuple[str, int], Load]
    sockets: Mapping[str, Load]
    lone: Mapping[str, Lone]
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part of a run needs."""

    folder: Path
    plan: Plan
    work: Workload
    progress: Progress

    @property
    def script(self) -> Path:
        return self.folder / "post.lua"

    @property
    def work_file(self) -> Path:
        return self.folder / "workload.json"


def make(folder: Path, plan: Plan, progress: Progress) -> Bench:
    """Train the model and write what the load generators read."""
    progress.say("training a forest of 100 trees on 30 features")
    bench = Bench(folder, plan, lesson.prepare(folder), progress)
    bench.script.write_text(wrk.script(bench.work.bodies), encoding="utf-8")
    bench.work_file.write_text(json.dumps(asdict(bench.work)), encoding="utf-8")
    return bench


def everything(bench: Bench) -> Results:
    small = footprint.measure(bench.folder, bench.plan, bench.progress)
    with ExitStack() as stack:
        targets = start(bench, contenders.everybody(), stack)
        http = http_rounds(bench, targets)
        ours = [target for target in targets if target.name in {OURS_STRICT, OURS_OFF}]
        streams = socket_rounds(bench, ours[0].server)
        alone = lone_caller(bench, ours)
        check(bench, targets)
    return Results(http, streams, alone, small)


def start(bench: Bench, who: Sequence[Contender], stack: ExitStack) -> list[Target]:
    """All of them at once: one that is idle costs the others nothing."""
    names = ", ".join(name for contender in who for name in contender.paths)
    bench.progress.say(f"preparing {names}")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda contender: contender.prepare(bench.folder), who))
    servers = [stack.enter_context(contender.start(bench.folder)) for contender in who]
    targets = []
    for contender, server in zip(who, servers, strict=True):
        server.wait(contender.ready)
        targets += contender.targets(server)
    check(bench, targets)
    return targets


def check(bench: Bench, targets: Sequence[Target]) -> None:
    """Every row, against the model itself."""
    for target in targets:
        if target.right:
            caller = Caller(target.server.port, target.path, bench.work)
            caller.check_all()
            caller.close()


def http_rounds(bench: Bench, targets: Sequence[Target]) -> dict[tuple[str, int], Load]:
    loads: dict[tuple[str, int], list[Load]] = {}
    for target in targets:
        one_load(bench, target, max(bench.plan.connections), bench.plan.warm)
    for turn in range(bench.plan.rounds):
        for connections in bench.plan.connections:
            for target in targets:
                load = one_load(bench, target, connections, bench.plan.http)
                loads.setdefault((target.name, connections), []).append(load)
                where = f"round {turn + 1}, {connections} connections, {target.name}"
                bench.progress.say(f"{where}: {load.rate:,.0f} requests/s")
    return {key: middle(each) for key, each in loads.items()}


def one_load(bench: Bench, target: Target, connections: int, seconds: float) -> Load:
    caller = Caller(target.server.port, target.path, bench.work)
    with Watch(caller, len(bench.work.rows)) if target.right else nullcontext():
        return wrk.post(target.server, target.path, bench.script, connections, seconds)


def socket_specs(bench: Bench, server: Server) -> dict[str, Spec]:
    path = f"/ws/v1/predict/{OFF}"
    warm, seconds = bench.plan.warm, bench.plan.sockets
    one = Spec(server.port, server.pid, path, str(bench.work_file), warm=warm, seconds=seconds)
    many = asdict(one) | {"rows": ROWS, "in_flight": ROWS_IN_FLIGHT}
    return {
        ONE_ROW: one,
        ROWS_JSON: Spec(**many),
        ROWS_MSGPACK: Spec(**many | {"dialect": "msgpack"}),
        ROWS_BLOCK: Spec(**many | {"dialect": "blocks"}),
        ONE_SOCKET: Spec(**asdict(one) | {"sockets": 1}),
        ALONE: Spec(**asdict(one) | {"sockets": 1, "in_flight": 1}),
    }


def socket_rounds(bench: Bench, server: Server) -> dict[str, Load]:
    loads: dict[str, list[Load]] = {}
    for turn in range(bench.plan.rounds):
        for name, spec in socket_specs(bench, server).items():
            load = sockets.measure(spec)
            loads.setdefault(name, []).append(load)
            bench.progress.say(f"round {turn + 1}, WebSocket, {name}: {load.rate:,.0f} rows/s")
    return {name: middle(each) for name, each in loads.items()}


def lone_caller(bench: Bench, ours: Sequence[Target]) -> dict[str, Lone]:
    bench.progress.say("one caller alone")
    model = lone.compiled(bench.folder / "weir")
    calls = bench.plan.lone_calls
    return {
        each.name: lone.measure(each.server.port, each.path, bench.work, model, calls)
        for each in ours
    }
