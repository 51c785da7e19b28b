from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from inference.management.player import Pace, Player, Row, Server, Unreachable

SUBJECTS: Final = 500  # visitors who come back, so that stickiness can be seen
LABELLED: Final = 0.9  # share of predictions whose truth becomes known
LATE: Final = 1.2  # seconds until it is, on average
_ADULT: Final = "income_classifier"  # its rows do not come with scikit-learn


class Command(BaseCommand):
    """Something to look at."""

    help = (
        "Plays held-out rows of the demos against a running server at a chosen rate and tells it "
        "the truth a little later. Starts an A/B test if none runs, so that there is one to watch."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        env = settings.WEIR
        parser.add_argument("--url", default=f"http://127.0.0.1:{env.port}")
        parser.add_argument("--endpoint", nargs="+", action="extend", metavar="NAME", default=[])
        parser.add_argument("--rate", type=_positive, default=40.0, help="rows a second (40)")
        parser.add_argument("--duration", type=_positive, default=300.0, help="seconds (300)")
        parser.add_argument("--key", default="", help="an API key: predict, feedback and manage")
        parser.add_argument("--csv", type=Path, help="Adult as a CSV file, for income_classifier")
        parser.add_argument("--no-test", action="store_true", help="start no A/B test")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, **options: Any) -> None:
        try:
            server = Server(options["url"], options["key"])
            endpoints = _endpoints(server, options["endpoint"], options["csv"])
            if not options["no_test"]:
                self._test(server, endpoints[0])
        except ValueError as error:
            raise CommandError(str(error)) from error
        except Unreachable as error:
            raise CommandError(f"{error} `make run` starts a server.") from error
        rows = _rows(_held_out(endpoints, options["csv"]), options["seed"])
        self._play(server, rows, Pace(options["rate"], options["duration"]))

    def _play(self, server: Server, rows: Iterator[Row], pace: Pace) -> None:
        self.stdout.write(f"Watch it at {server.url}/ (Ctrl+C stops).")
        with tqdm(total=pace.rows, unit="row", smoothing=0.1) as bar:

            def told(counts: Counter[str]) -> None:
                bar.set_postfix(_shown(counts), refresh=False)
                bar.update(_asked(counts) - bar.n)

            counts = Player(server, told).play(rows, pace)
        self.stdout.write(_summary(counts))

    def _test(self, server: Server, endpoint: str) -> None:
        """Two algorithms of the endpoint against each other, unless a test of it runs already."""
        tests = server.ask("GET", "abtests").body or []
        if any(each["endpoint"] == endpoint and not each["ended_at"] for each in tests):
            return
        arms = _arms(server, endpoint)
        if len(arms) < 2:
            self.stdout.write(f"{endpoint} has one algorithm, so there is nothing to test.")
            return
        title = " against ".join(arm["name"] for arm in arms)
        split = [{"algorithm": arm["id"], "weight": 1} for arm in arms]
        body = {"title": title, "created_by": "traffic", "arms": split}
        answer = server.ask("POST", "abtests", body)
        if not answer.well:
            raise CommandError(f"The test was refused: {answer.body}")
        self.stdout.write(f"Test {answer.body['id']} on {endpoint} runs: {title}.")


def _endpoints(server: Server, wanted: list[str], csv: Path | None) -> list[str]:
    """Those asked for, else every demo that is served and whose rows are here."""
    from inference.training.demos import DEMOS

    served = server.ask("GET", "endpoints")
    if not served.well:
        raise CommandError(f"{server.url} answered {served.status}: {served.body}")
    names = {each["name"] for each in served.body}
    demos = {demo.endpoint for demo in DEMOS.values() if demo.endpoint != _ADULT or csv}
    found = [name for name in wanted or sorted(demos) if name in names]
    if unknown := [name for name in wanted if name not in names]:
        raise CommandError(f"Not served at {server.url}: {', '.join(unknown)}.")
    if not found:
        raise CommandError("No demo is served there; `manage.py demo breast_cancer` registers one.")
    return found


def _arms(server: Server, endpoint: str) -> list[dict[str, Any]]:
    """Two algorithms of the endpoint, what is in production first."""
    numbers = {each["name"]: each["id"] for each in server.ask("GET", "endpoints").body}
    known = server.ask("GET", "mlalgorithms").body
    fit = [
        each
        for each in known
        if each["parent_endpoint"] == numbers[endpoint] and each["current_status"] != "retired"
    ]
    return sorted(fit, key=lambda each: each["current_status"] != "production")[:2]


def _held_out(endpoints: list[str], csv: Path | None) -> dict[str, Any]:
    from inference.training.demos import held_out

    try:
        return {name: held_out(name, csv if name == _ADULT else None) for name in endpoints}
    except (KeyError, OSError, ValueError) as error:
        raise CommandError(f"There are no held-out rows to play: {error}") from error


def _rows(data: dict[str, Any], seed: int) -> Iterator[Row]:
    """Without end: a random row of a random endpoint for one of a few hundred visitors."""
    dice = np.random.default_rng(seed)
    endpoints = list(data)
    while True:
        name = endpoints[int(dice.integers(len(endpoints)))]
        index = int(dice.integers(len(data[name])))
        yield Row(
            endpoint=name,
            record=data[name].records[index],
            subject=f"visitor-{dice.integers(SUBJECTS)}",
            label=str(data[name].labels[index]),
            delay=float(dice.exponential(LATE)) if dice.random() < LABELLED else None,
        )


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1_000_000:
        raise ValueError(text)
    return number


def _asked(counts: Counter[str]) -> int:
    return counts["right"] + counts["wrong"] + counts["refused"]


def _shown(counts: Counter[str]) -> dict[str, int]:
    always = {"labelled": counts["labelled"]}
    troubles = ("refused", "unlabelled", "unreachable")
    return always | {name: counts[name] for name in troubles if counts[name]}


def _summary(counts: Counter[str]) -> str:
    troubles = counts["refused"] + counts["unlabelled"] + counts["unreachable"]
    return (
        f"{_asked(counts)} rows were answered and {counts['labelled']} labelled; "
        f"{troubles or 'no'} request{'' if troubles == 1 else 's'} failed."
    )
