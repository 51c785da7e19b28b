"""`python -m bench assignment`: what it costs to find a unit's arm, by the length of its name."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from bench.table import table
from inference.core import kept
from inference.core.assignment import bucket_of_subject
from inference.core.kept import Kept
from inference.core.routing import Algorithm, Arm, Experiment, Unit

HEAD: Final = ("unit", "first time, us", "again, us")
CALLS: Final = 20_000
ROUNDS: Final = 5
KEPT: Final = 1_000_000
LENGTHS: Final = (8, 16, 36, 64, 128)


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: Namespace, folder: Path) -> int:
    arms = tuple(Arm(at, Algorithm(at, f"m{at}", "1", "ab_testing"), 1) for at in range(2))
    first = Experiment(1, "5a17" * 8, arms)
    print(table("Assignment", HEAD, list(_lines(first))))
    began = perf_counter()
    listed = list(kept.pieces((hash_, 1) for hash_ in _random(KEPT)))
    written = perf_counter()
    second = replace(first, earlier=arms, kept=Kept().followed_by(2, [listed]))
    print(f"\n{KEPT:,} subjects keep an arm: their list was written in {written - began:.2f} s and")
    print(f"read in {perf_counter() - written:.2f} s\n")
    print(table("Assignment in a second phase", HEAD, list(_lines(second))))
    return 0


def _random(count: int) -> list[int]:
    dice = np.random.default_rng(1)
    hashes: list[int] = dice.integers(-(2**63), 2**63 - 1, count).tolist()
    return hashes


def _lines(test: Experiment) -> Iterator[tuple[str, ...]]:
    ids = count(10**6)
    once = _best(test, lambda: Unit(str(next(ids)), lasting=False))
    yield "a request of 7 digits", f"{once:.2f}", ""
    for length in LENGTHS:
        names = count(10 ** (length - 1))
        first = _best(test, lambda names=names: Unit(str(next(names))))  # type: ignore[misc]
        again = _best(test, lambda length=length: Unit("9" * length))  # type: ignore[misc]
        yield f"a subject of {length} characters", f"{first:.2f}", f"{again:.2f}"


def _best(test: Experiment, make: Callable[[], Unit]) -> float:
    """Microseconds for one call, in the best of some rounds."""
    return min(_round(test, [make() for _ in range(CALLS)]) for _ in range(ROUNDS)) / CALLS * 1e6


def _round(test: Experiment, units: list[Unit]) -> float:
    bucket_of_subject.cache_clear()
    test = replace(test)  # what it remembers goes, too
    start = perf_counter()
    for unit in units:
        test.assign(unit)
    return perf_counter() - start
