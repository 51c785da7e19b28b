from __future__ import annotations

import secrets
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from inference.management.player import RETRIES, TIMEOUT, Pace, Player, Row
from weir_client import Client, WeirError
from weir_client.errors import LineError
from weir_client.values import Algorithm

RETURNING: Final = 0.25  # share of rows of visitors who were there before and keep their arm
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
            with Client(options["url"], options["key"], timeout=TIMEOUT, retries=RETRIES) as server:
                self._traffic(server, options)
        except ValueError as error:
            raise CommandError(str(error)) from error
        except LineError as error:
            raise CommandError(f"{error} `make run` starts a server.") from error
        except WeirError as error:
            raise CommandError(f"{options['url']} refused: {error} ({error.code})") from error

    def _traffic(self, server: Client, options: dict[str, Any]) -> None:
        endpoints = _endpoints(server, options["endpoint"], options["csv"])
        if not options["no_test"]:
            self._test(server, endpoints[0])
        rows = _rows(_held_out(endpoints, options["csv"]), options["seed"])
        self._play(server, rows, Pace(options["rate"], options["duration"]))

    def _play(self, server: Client, rows: Iterator[Row], pace: Pace) -> None:
        self.stdout.write(f"Watch it at {server.url}/ (Ctrl+C stops).")
        with tqdm(total=pace.rows, unit="row", smoothing=0.1) as bar:

            def told(counts: Counter[str]) -> None:
                bar.set_postfix(_shown(counts), refresh=False)
                bar.update(_asked(counts) - bar.n)

            counts = Player(server, told).play(rows, pace)
        self.stdout.write(_summary(counts))

    def _test(self, server: Client, endpoint: str) -> None:
        """Two algorithms of the endpoint against each other, unless a test of it runs already."""
        if any(test.endpoint == endpoint and test.running for test in server.experiments()):
            return
        arms = _arms(server, endpoint)
        if len(arms) < 2:
            self.stdout.write(f"{endpoint} has one algorithm, so there is nothing to test.")
            return
        title = " against ".join(arm.name for arm in arms)
        test = server.start_experiment(title, {arm.id: 1 for arm in arms}, "traffic")
        self.stdout.write(f"Test {test.id} on {endpoint} runs: {title}.")


def _endpoints(server: Client, wanted: list[str], csv: Path | None) -> list[str]:
    """Those asked for, else every demo that is served and whose rows are here."""
    from inference.training.demos import DEMOS

    names = {each.name for each in server.endpoints()}
    demos = {demo.endpoint for demo in DEMOS.values() if demo.endpoint != _ADULT or csv}
    found = [name for name in wanted or sorted(demos) if name in names]
    if unknown := [name for name in wanted if name not in names]:
        raise CommandError(f"Not served at {server.url}: {', '.join(unknown)}.")
    if not found:
        raise CommandError("No demo is served there; `manage.py demo breast_cancer` registers one.")
    return found


def _arms(server: Client, endpoint: str) -> list[Algorithm]:
    """Two algorithms of the endpoint, what is in production first."""
    numbers = {each.name: each.id for each in server.endpoints()}
    fit = [
        each
        for each in server.algorithms()
        if each.endpoint == numbers[endpoint] and each.status != "retired"
    ]
    return sorted(fit, key=lambda each: each.status != "production")[:2]


def _held_out(endpoints: list[str], csv: Path | None) -> dict[str, Any]:
    from inference.training.demos import held_out

    try:
        return {name: held_out(name, csv if name == _ADULT else None) for name in endpoints}
    except (KeyError, OSError, ValueError) as error:
        raise CommandError(f"There are no held-out rows to play: {error}") from error


def _rows(data: dict[str, Any], seed: int) -> Iterator[Row]:
    """Without end: a random row of a random endpoint for a visitor, mostly one who is new.

    Each run has visitors of its own: of one who was there before, no further label would count.
    """
    dice = np.random.default_rng(seed)
    endpoints, run, visitors = list(data), secrets.token_hex(3), 0
    while True:
        returns = visitors and dice.random() < RETURNING
        visitors += not returns
        name = endpoints[int(dice.integers(len(endpoints)))]
        index = int(dice.integers(len(data[name])))
        yield Row(
            endpoint=name,
            record=data[name].records[index],
            subject=f"visitor-{run}-{dice.integers(visitors) if returns else visitors}",
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
