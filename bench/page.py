"""`python -m bench page`: what becomes of a page that is open while traffic plays.

The heap is read after a collection, at the beginning (the first minute fills what is kept: fifty
results, a plot's points) and then once a minute. Tasks of more than 50 ms are those that the
browser itself reports, by the clock on the wall: on a busy machine a task is long because it
waited. So at the end some seconds are traced, which says what CPU time the page's tasks took.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from bench.contenders import manage, ours_environment, serve
from bench.floors import soaked
from bench.problem import BenchFailed
from bench.process import PYTHON, ROOT, Server, environment
from bench.progress import Progress
from bench.report import floor_table
from bench.table import number, table

ENDPOINT: Final = "breast_cancer"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
)
HEAD: Final = ("what", "")
SPARE_SECONDS: Final = 60.0
WARM_SECONDS: Final = 60.0
TRACED_SECONDS: Final = 10.0
TASK: Final = "RunTask"
_OBSERVED: Final = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.longTasks.push(task.duration);
}).observe({type: "longtask", buffered: true});
"""


class Look(NamedTuple):
    """The page at a moment: seconds since the first look, megabytes, nodes of the document."""

    at: float
    heap: float
    nodes: int


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=40.0, help="rows a second")


def main(options: Namespace, folder: Path) -> int:
    progress = Progress()
    progress.say("training the demo")
    manage(folder, "migrate", "--verbosity", "0")
    manage(folder, "demo", ENDPOINT)
    seconds = WARM_SECONDS + 60 * options.minutes + TRACED_SECONDS
    with serve(folder) as server, _browser() as browser:
        server.wait("/readyz")
        with _traffic(server, options.rate, seconds + SPARE_SECONDS):
            looks, long_tasks, busiest = _soaked(browser, server, options.minutes, progress)
    print(_page(looks, long_tasks, busiest))
    floors = soaked(growth(looks), busiest)
    print(floor_table(floors))
    return 1 if options.gate and any(not floor.met for floor in floors) else 0


def _soaked(
    browser: Browser, server: Server, minutes: float, progress: Progress
) -> tuple[list[Look], list[float], float]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(_OBSERVED)
    page.goto(f"http://127.0.0.1:{server.port}/#/{ENDPOINT}")
    expect(page.locator("#connection")).to_have_text("Live")
    page.wait_for_timeout(1000 * WARM_SECONDS)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate("window.longTasks.length = 0")
    looks = _looks(page, session, 60 * minutes, progress)
    long_tasks: list[float] = page.evaluate("window.longTasks")
    return looks, long_tasks, _busiest(browser, page)


def _looks(page: Page, session: CDPSession, seconds: float, progress: Progress) -> list[Look]:
    began = time.monotonic()
    looks = [_look(session, 0.0)]
    while (at := time.monotonic() - began) < seconds:
        page.wait_for_timeout(1000 * min(60.0, seconds - at))
        looks.append(_look(session, time.monotonic() - began))
        progress.say(f"{looks[-1].heap:.2f} MB, {looks[-1].nodes} nodes")
    return looks


def _look(session: CDPSession, at: float) -> Look:
    for _ in range(2):  # what only finalisers held goes the second time
        session.send("HeapProfiler.collectGarbage")
    read = session.send("Performance.getMetrics")["metrics"]
    found = {each["name"]: each["value"] for each in read}
    return Look(at, found["JSHeapUsedSize"] / 1e6, int(found["Nodes"]))


def _busiest(browser: Browser, page: Page) -> float:
    """The CPU time in milliseconds of the page's longest task within some seconds."""
    browser.start_tracing(
        page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"]
    )
    page.wait_for_timeout(1000 * TRACED_SECONDS)
    events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    names = {
        (each["pid"], each["tid"]): each["args"]["name"]
        for each in events
        if each["name"] == "thread_name"
    }
    took = [
        each["tdur"] / 1000
        for each in events
        if each["name"].endswith(TASK) and "tdur" in each
        if names.get((each["pid"], each["tid"])) == "CrRendererMain"
    ]
    return max(took, default=float("nan"))


def growth(looks: Sequence[Look]) -> float:
    """Megabytes an hour: the slope of a straight line through all looks."""
    at, heap = [each.at for each in looks], [each.heap for each in looks]
    return float(3600 * np.polyfit(at, heap, 1)[0])


def _page(looks: Sequence[Look], long_tasks: Sequence[float], busiest: float) -> str:
    first, last = looks[0], looks[-1]
    longest = max(long_tasks, default=0.0)
    rows = [
        ("minutes", number(last.at / 60)),
        ("heap at first, MB", number(first.heap)),
        ("heap at last, MB", number(last.heap)),
        ("heap grows, MB an hour", number(growth(looks))),
        ("nodes at first", f"{first.nodes:,}"),
        ("nodes at last", f"{last.nodes:,}"),
        ("tasks over 50 ms, by the clock on the wall", f"{len(long_tasks):,}"),
        ("the longest of them, ms", number(longest)),
        ("longest task while traced, ms of CPU", number(busiest)),
    ]
    return table(f"A page beside traffic; load average {os.getloadavg()[0]:.2f}", HEAD, rows)


@contextmanager
def _browser() -> Iterator[Browser]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise BenchFailed("There is no Chromium here.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def _traffic(server: Server, rate: float, seconds: float) -> Iterator[None]:
    """`manage.py traffic`, which starts a test as well."""
    where = ["--url", f"http://127.0.0.1:{server.port}", "--endpoint", ENDPOINT]
    pace = ["--rate", str(rate), "--duration", str(seconds)]
    command = [PYTHON, "manage.py", "traffic", *where, *pace]
    extra = ours_environment(server.log.parent, server.port)
    with server.log.with_suffix(".traffic").open("wb") as log:
        playing = subprocess.Popen(
            command, cwd=ROOT, env=environment(extra), stdout=log, stderr=log
        )
    try:
        yield
        if playing.poll() is not None:
            raise BenchFailed("The traffic ended too early.")
    finally:
        playing.terminate()
        playing.wait()
