"""Where the server's time goes under load: py-spy's samples by thread, by layer and by function."""

from __future__ import annotations

import json
import shutil
import subprocess
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from bench import contenders, layers, measure, sockets, stacks, wrk
from bench.contenders import OURS_OFF, OURS_STRICT, Target
from bench.load import Load
from bench.measure import Bench
from bench.plan import QUICK
from bench.problem import BenchFailed
from bench.process import PYTHON, Server
from bench.progress import Progress
from bench.stacks import Stack
from bench.table import number, table

LOADS: Final = {
    "strict": OURS_STRICT,
    "off": OURS_OFF,
    "sockets": measure.ONE_ROW,
    "rows": measure.ROWS_JSON,
    "blocks": measure.ROWS_BLOCK,
}
SOCKETS: Final = ("sockets", "rows", "blocks")
LOOP: Final = "MainThread"
CONNECTIONS: Final = 128
TOP: Final = 25
IDLE_ENOUGH: Final = 0.97  # a thread that is idle for longer is not worth a line
# Samples a second. With native frames the server stands still longer for each.
PLAIN_RATE, NATIVE_RATE = 200, 100
_AROUND: Final = 4.0  # seconds of load before, between and after the two recordings


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--load", choices=LOADS, default="strict", help="what is profiled")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each of two recordings")
    parser.set_defaults(run=run)


def run(options: Namespace, folder: Path) -> int:
    _require()
    wrk.require()
    bench = measure.make(folder, QUICK, Progress())
    with ExitStack() as stack:
        targets = measure.start(bench, [contenders.ours()], stack)
        print(_profiled(bench, targets, options.load, options.seconds))
    return 0


def _require() -> str:
    found = shutil.which("py-spy") or str(Path(PYTHON).with_name("py-spy"))
    if not Path(found).exists():
        raise BenchFailed("py-spy is not installed: `make setup-dev`.")
    return found


def _profiled(bench: Bench, targets: list[Target], load: str, seconds: float) -> str:
    server = targets[0].server
    alone = _alone(bench, targets, load)
    bench.progress.say(f"{LOADS[load]}: {number(alone.rate)} answers/s; recording")
    command = _command(bench, targets, load, 2 * seconds + _AROUND)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # a pipe was asked for
        if load in SOCKETS:  # which takes a moment to begin; wrk says nothing before its end
            process.stdout.readline()
        native = record(bench, server, seconds, "--native", "--idle", rate=NATIVE_RATE)
        plain = record(bench, server, seconds, rate=PLAIN_RATE)
        process.communicate(timeout=60)
    busy = [name for name, seen in stacks.by_thread(native).items() if _idle(seen) < IDLE_ENOUGH]
    tables = [_top(name, stacks.by_thread(plain).get(name, [])) for name in busy]
    return "\n".join([_head(load, alone), _threads(native), _layers(native, alone), *tables])


def _idle(seen: list[Stack]) -> float:
    return stacks.shares(seen, stacks.layer_of).get(layers.IDLE, 0.0)


def _alone(bench: Bench, targets: list[Target], load: str) -> Load:
    """The rate without a profiler in the way."""
    if load in SOCKETS:
        spec = measure.socket_specs(bench, targets[0].server)[LOADS[load]]
        return sockets.measure(spec)
    return measure.one_load(bench, _named(targets, load), CONNECTIONS, 4.0)


def _command(bench: Bench, targets: list[Target], load: str, seconds: float) -> list[str]:
    server = targets[0].server
    if load in SOCKETS:
        spec = measure.socket_specs(bench, server)[LOADS[load]]
        text = json.dumps(asdict(replace(spec, seconds=seconds)))
        return [PYTHON, "-m", "bench.sockets", text]
    url = f"http://127.0.0.1:{server.port}{_named(targets, load).path}"
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{round(seconds)}s"]
    return [wrk.require(), *options, "-s", str(bench.script), url]


def _named(targets: list[Target], load: str) -> Target:
    return next(target for target in targets if target.name == LOADS[load])


def record(bench: Bench, server: Server, seconds: float, *options: str, rate: int) -> list[Stack]:
    """What py-spy saw; raises BenchFailed if it may not look."""
    out = bench.folder / "stacks.raw"
    what = ["--pid", str(server.pid), "--rate", str(rate), "--threads", *options]
    how = ["--duration", str(round(seconds)), "--format", "raw", "--output", str(out)]
    done = subprocess.run(
        [_require(), "record", *what, *how],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(f"py-spy: {done.stderr[-500:]} (it needs root, or ptrace_scope 0)")
    return stacks.parsed(out.read_text(encoding="utf-8"))


def _head(load: str, alone: Load) -> str:
    cpu = f"{alone.server_cpu:.0%} of a CPU, {number(alone.cost_us)} us each"
    return (
        f"\n{LOADS[load]}: {number(alone.rate)} answers/s, {cpu}; others {alone.others_cpu:.0%}\n"
    )


def _threads(native: list[Stack]) -> str:
    rows = []
    for name, seen in stacks.by_thread(native).items():
        share = stacks.shares(seen, stacks.layer_of)
        idle, gil = share.get(layers.IDLE, 0.0), share.get(layers.GIL, 0.0)
        if idle < IDLE_ENOUGH:
            rows.append((name, *(f"{each:.1%}" for each in (1 - idle - gil, gil, idle))))
    return table("Threads", ("thread", "running", "waiting for the GIL", "idle"), rows)


def _layers(native: list[Stack], alone: Load) -> str:
    seen = [stack for stack in native if stack.thread == LOOP]
    rows = [
        (name, f"{share:.1%}", number(1e6 * share / alone.rate))
        for name, share in stacks.shares(seen, stacks.layer_of).items()
    ]
    return table("The event loop's time by layer", ("layer", "share", "us an answer"), rows)


def _top(name: str, seen: list[Stack]) -> str:
    found = list(stacks.shares(seen, stacks.function_of).items())[:TOP]
    rows = [(function, f"{share:.1%}") for function, share in found]
    return table(f"Functions of {name} while it runs", ("itself", "share"), rows)
