"""`python -m bench swaps`: how soon every process follows, and whether anybody notices a storm.

Two web processes and two workers, on PostgreSQL if one answers, else on SQLite; a forest of about
20 MB in memory. A process has followed when it answers so. The storm is of one process that does
everything: there each swap loads and lets go.
"""

from __future__ import annotations

import csv
import json
import subprocess
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench import postgres
from bench.contenders import manage
from bench.deployment import Deployment, queue
from bench.problem import BenchFailed
from bench.process import PYTHON, Server, environment, run
from bench.progress import Progress

ENDPOINT: Final = "storm"
SECONDS: Final = 30.0  # of the storm
EACH: Final = 0.1  # seconds from one swap to the next
CALLERS: Final = 8
PAUSE: Final = 0.02  # seconds that each of them waits between two requests
SETTLE: Final = 3.0  # seconds
PATIENCE: Final = 60.0
TRAINING: Final = 600.0
REGISTERED: Final = 2.0  # seconds; the floors of issue "From raw data to production and back"
ROLLED_BACK: Final = 1.0
MEMORY: Final = 1.1


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)
    parser.add_argument("--storm", action="store_true", help="nothing but the storm")
    parser.add_argument("--trees", type=int, default=70, help="of the large forest (70)")


@dataclass(frozen=True, slots=True)
class Site:
    """What runs, and how to speak to it."""

    deployment: Deployment
    webs: Sequence[Server]
    workers: Sequence[Server]
    http: httpx.Client

    def answer(self, web: Server, **query: Any) -> httpx.Response:
        row = {f"x{at}": 0.1 for at in range(20)}
        url = f"http://127.0.0.1:{web.port}/api/v1/{ENDPOINT}/predict"
        return self.http.post(url, json=row, params=query)

    def loaded(self) -> list[int]:
        """By each worker, how many models."""
        url = f"http://127.0.0.1:{self.webs[0].port}/api/v1/operations"
        return [each["models"] for each in self.http.get(url).json()["workers"]]

    def rows(self) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.webs[0].port}/api/v1/mlalgorithms"
        found: list[dict[str, Any]] = self.http.get(url).json()
        return found

    def move(self, algorithm: int, status: str) -> None:
        url = f"http://127.0.0.1:{self.webs[0].port}/api/v1/mlalgorithmstatuses"
        body = {"status": status, "created_by": "bench", "parent_mlalgorithm": algorithm}
        answer = self.http.post(url, json=body)
        if answer.status_code != 201:
            raise BenchFailed(f"a swap was refused: {answer.text}")

    def megabytes(self) -> float:
        return sum(each.resident_megabytes() for each in (*self.webs, *self.workers))


def main(options: Namespace, folder: Path) -> int:
    progress = Progress()
    with postgres.database() as url, queue(folder) as found:
        extra = {"DATABASE_URL": url} if url else {}
        deployment = Deployment(folder, found, extra)
        _prepare(deployment, options.trees, progress)
        figures: dict[str, Any] = {"database": "PostgreSQL" if url else "SQLite"}
        if not options.storm:
            with _running(deployment) as site:
                figures |= _registration(site, options.trees, progress)
                figures |= _rollback(site, progress)
        with _alone(deployment) as site:
            figures |= _storm(site, 5.0 if options.quick else SECONDS, progress)
    print(json.dumps(figures, indent=1))
    return 1 if options.gate and not _met(figures) else 0


def _met(figures: Mapping[str, Any]) -> bool:
    return (
        figures.get("registered_s", 0.0) < REGISTERED
        and figures.get("rolled_back_s", 0.0) < ROLLED_BACK
        and not figures["failed"]
        and figures["memory_ratio"] < MEMORY
    )


def _prepare(deployment: Deployment, trees: int, progress: Progress) -> None:
    """Two small ones, of which one is in production."""
    manage(deployment.folder, "migrate", "--verbosity", "0", **deployment.environment)
    _write(deployment.folder / "rows.csv")
    for seed in (1, 2):
        progress.say(f"training small forest {seed}")
        manage(deployment.folder, *_training(deployment, 10, seed), **deployment.environment)
    words = ("promote", "1", "--force", "--reason", "the first one")
    manage(deployment.folder, *words, **deployment.environment)


def _write(path: Path) -> None:
    """Noise, which a forest learns by heart: that makes it large."""
    dice = np.random.default_rng(5)
    table = dice.normal(size=(20_000, 20)).round(5)
    labels = np.where(table[:, 0] + dice.normal(size=len(table)) > 0, "yes", "no")
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*(f"x{at}" for at in range(20)), "y"])
        out.writerows([*row, label] for row, label in zip(table.tolist(), labels, strict=True))


def _training(deployment: Deployment, trees: int, seed: int) -> list[str]:
    data = str(deployment.folder / "rows.csv")
    what = ("--estimator", "sklearn.ensemble:RandomForestClassifier")
    size = ("--param", f"n_estimators={trees}", "--seed", str(seed))
    return ["train", ENDPOINT, "--data", data, "--target", "y", *what, *size]


@contextmanager
def _running(deployment: Deployment) -> Iterator[Site]:
    with ExitStack() as stack:
        workers = [stack.enter_context(deployment.worker(at)) for at in (1, 2)]
        webs = [stack.enter_context(deployment.web(workers)) for _ in range(2)]
        http = stack.enter_context(httpx.Client(timeout=20))
        site = Site(deployment, webs, workers, http)
        for web in webs:
            web.until(lambda web=web: _well(site, web))  # type: ignore[misc]  # the one of this turn
        _await(lambda: site.loaded() == [2, 2], "the workers did not load both")
        yield site


@contextmanager
def _alone(deployment: Deployment) -> Iterator[Site]:
    """One process that does everything, on the same database."""
    with deployment.embedded() as web, httpx.Client(timeout=20) as http:
        site = Site(deployment, [web], [], http)
        web.until(lambda: _well(site, web))
        yield site


def _well(site: Site, web: Server) -> bool:
    try:
        return site.answer(web).status_code == 200
    except httpx.HTTPError:
        return False


def _await(so: Callable[[], bool], what: str) -> float:
    """The moment from which on it is so, by the monotonic clock."""
    deadline = time.monotonic() + PATIENCE
    while not so():
        if time.monotonic() > deadline:
            raise BenchFailed(what)
        time.sleep(0.01)
    return time.monotonic()


def _registration(site: Site, trees: int, progress: Progress) -> dict[str, Any]:
    """From the commit of the row until each web process answers by it and each worker has it."""
    progress.say("training the large forest")
    bundle, env = site.deployment.folder / "large.weir", environment(site.deployment.environment)
    words = [*_training(site.deployment, trees, 3), "--out", str(bundle)]
    run([PYTHON, "manage.py", *words], site.deployment.environment, TRAINING)
    progress.say("registering it")
    command = [PYTHON, "manage.py", "register", str(bundle)]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as registering:
        began = _await(lambda: len(site.rows()) == 3, "nothing was registered")
        row = site.rows()[-1]
        answering = [
            _await(
                lambda web=web: site.answer(web, algorithm=row["id"]).status_code == 200,  # type: ignore[misc]  # the one of this turn
                "it is not served",
            )
            for web in site.webs
        ]
        loaded = _await(lambda: site.loaded() == [3, 3], "a worker did not load it")
        registering.wait(PATIENCE)
    return {
        "bundle_mb": round(bundle.stat().st_size / 1e6, 1),
        "registered_s": round(max(answering) - began, 2),
        "workers_said_s": round(loaded - began, 2),  # the page that says it changes once a second
    }


def _rollback(site: Site, progress: Progress) -> dict[str, Any]:
    """From the commit until the last web process answers by the former one; and of the command."""
    progress.say("rolling back")
    site.move(3, "production")
    for web in site.webs:
        _await(lambda web=web: site.answer(web).json()["algorithm"] == 3, "no promotion")  # type: ignore[misc]  # the one of this turn
    command = [PYTHON, "manage.py", "rollback", ENDPOINT]
    env = environment(site.deployment.environment)
    begun = time.monotonic()
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        committed = _await(lambda: site.rows()[2]["current_status"] == "rolled_back", "no rollback")
        last = max(
            _await(lambda web=web: site.answer(web).json()["algorithm"] == 1, "no rollback")  # type: ignore[misc]  # the one of this turn
            for web in site.webs
        )
        process.wait(PATIENCE)
    return {"rolled_back_s": round(last - committed, 2), "command_s": round(last - begun, 2)}


def _storm(site: Site, seconds: float, progress: Progress) -> dict[str, Any]:
    """Each swap loads one model and lets go of another, while callers ask."""
    progress.say("a storm")
    for other in site.rows()[2:]:
        site.move(other["id"], "retired")
    for swap in range(10):
        _swap(site, swap)
    _settled(site)
    before, stop = site.megabytes(), threading.Event()
    counts = {"answered": 0, "failed": 0}
    threads = [
        threading.Thread(target=_ask, args=(site, at, stop, counts)) for at in range(CALLERS)
    ]
    for thread in threads:
        thread.start()
    swaps, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        _swap(site, swaps)
        swaps += 1
        time.sleep(max(0.0, begun + swaps * EACH - time.monotonic()))
    took = time.monotonic() - begun
    stop.set()
    for thread in threads:
        thread.join()
    _settled(site)
    after = site.megabytes()
    return {
        **counts,
        "swaps": swaps,
        "swaps_per_s": round(swaps / took, 1),
        "memory_mb": [round(before), round(after)],
        "memory_ratio": round(after / before, 3),
    }


def _settled(site: Site) -> None:
    """All that was retired is let go."""

    def alone() -> bool:
        url = f"http://127.0.0.1:{site.webs[0].port}/api/v1/operations"
        [endpoint] = site.http.get(url).json()["endpoints"]
        return len(endpoint["algorithms"]) == 1

    _await(alone, "a model was not let go")
    time.sleep(SETTLE)  # what drains is not told of


def _swap(site: Site, number: int) -> None:
    """The other one of the small ones into production; whoever was there is retired."""
    new, old = (2, 1) if number % 2 == 0 else (1, 2)
    site.move(new, "production")
    site.move(old, "retired")


def _ask(site: Site, number: int, stop: threading.Event, counts: dict[str, int]) -> None:
    web = site.webs[number % len(site.webs)]
    with httpx.Client(timeout=20) as http:
        own = Site(site.deployment, site.webs, site.workers, http)
        while not stop.is_set():
            try:
                fine = own.answer(web).status_code == 200
            except httpx.HTTPError:
                fine = False
            time.sleep(PAUSE)
            counts["answered" if fine else "failed"] += 1
