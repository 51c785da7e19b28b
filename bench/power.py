"""`python -m bench power`: how often a test is wrong, how often it finds what is there, and when.

Simulated, with the program's own decisions at 200 looks for each test. A/A: both models alike. A/B:
the challenger better by as much as the setting says.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.progress import Progress
from bench.table import Row, table
from bench.trials import Found, Setting, simulated
from bench.twins import settings

HEAD: Final = ("setting", "A/A wrong", "A/A peeked z", "A/B found", "labels to half of these")
RUNS: Final = 2000


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each setting ({RUNS})")


def run(options: Namespace, folder: Path) -> int:
    runs = 200 if options.quick else options.runs
    title = f"Tests that are looked at all the time ({runs} runs, 200 looks, up to 4,000 labels)"
    print(table(title, HEAD, list(_lines(runs))))
    return 0


def _lines(runs: int) -> Iterator[Row]:
    progress = Progress()
    for setting in settings():
        progress.say(setting.name)
        alike, apart = (simulated(setting, effect, runs) for effect in (0.0, setting.effect))
        yield _line(setting, alike, apart)


def _line(setting: Setting, alike: Found, apart: Found) -> Row:
    median = "-" if apart.median is None else f"{apart.median:,.0f}"
    return (
        setting.name,
        f"{100 * alike.ever:.1f} %",
        f"{100 * alike.peeked:.1f} %",
        f"{100 * apart.ever:.1f} %",
        median,
    )
