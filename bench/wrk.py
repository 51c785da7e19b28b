"""HTTP load by wrk, and what it reports."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.load import Load
from bench.problem import BenchFailed
from bench.process import Server
from bench.usage import Usage

MARK: Final = "weir-bench "

# `response` is left out on purpose: with it, wrk takes every header apart in Lua and becomes the
# bottleneck. Answers are checked beside the load instead (see `watch`).
_SCRIPT: Final = """\
local bodies = {{
{bodies}
}}
local requests, turn = {{}}, 0

init = function(args)
  local headers = {{ ["Content-Type"] = "application/json" }}
{headers}
  for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", nil, headers, body) end
end

request = function()
  turn = turn % #requests + 1
  return requests[turn]
end

done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{mark}{{"seconds":%.6f,"requests":%d,"p50_ms":%.4f,"p99_ms":%.4f,"status":%d,"socket":%d}}\\n',
    summary.duration / 1e6, summary.requests, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.status, e.connect + e.read + e.write + e.timeout))
end
"""


class NoAnswer(BenchFailed):
    """Not one good answer came before the time was over."""


def require() -> str:
    """Where wrk is."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchFailed("wrk is not installed: `apt-get install wrk`, or `brew install wrk`.")
    return found


def script(bodies: Sequence[bytes], headers: Mapping[str, str] | None = None) -> str:
    """The Lua that posts these bodies in turn."""
    lines = ",\n".join(f"[==[{body.decode()}]==]" for body in bodies)
    given = (headers or {}).items()
    fields = "\n".join(f"  headers[ [==[{name}]==] ] = [==[{value}]==]" for name, value in given)
    return _SCRIPT.format(bodies=lines, headers=fields, mark=MARK)


def post(server: Server, path: str, script_file: Path, connections: int, seconds: float) -> Load:
    """Load with `connections` keep-alive connections from one thread; raises at any bad answer."""
    return flawless(counted(server, path, script_file, connections, seconds))


def flawless(load: Load) -> Load:
    """The same; raises BenchFailed at any error it counted."""
    if load.errors:
        raise BenchFailed(f"wrk counted {load.errors} errors in {load.count} requests.")
    return load


def counted(server: Server, path: str, script_file: Path, connections: int, seconds: float) -> Load:
    """The same with bad answers and broken connections as a number; raises without any answer."""
    url = f"http://127.0.0.1:{server.port}{path}"
    duration = f"{max(1, round(seconds))}s"
    options = ["-t1", f"-c{connections}", f"-d{duration}", "--timeout", "30s", "--latency"]
    with Usage(server.cpu_seconds, _children) as usage:
        done = subprocess.run(
            [require(), *options, "-s", str(script_file), url],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
    return parsed(done.stdout, done.stderr).beside(usage)


def parsed(out: str, errors: str = "") -> Load:
    """What the script's last line says; raises BenchFailed where nothing was answered."""
    found = [line for line in out.splitlines() if line.startswith(MARK)]
    if not found:
        raise BenchFailed(f"wrk reported nothing:\n{out[-1000:]}{errors[-1000:]}")
    said = json.loads(found[-1].removeprefix(MARK))
    good = said["requests"] - said["status"]
    if good <= 0:
        raise NoAnswer(f"wrk got no good answer in time, but {said['status']} bad statuses.")
    bad = said["status"] + said["socket"]
    return Load(good / said["seconds"], said["p50_ms"], said["p99_ms"], good, errors=bad)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
