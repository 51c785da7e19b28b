"""`make faults`: every fault, or those named, as often as asked, and a table of what was seen."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence

from tests.faults import ground, of_use, table, trial
from tests.faults.catalogue import CATALOGUE
from tests.faults.cluster import DISTRIBUTED, EMBEDDED, Cluster
from tests.faults.nemesis import Fault
from tests.faults.table import Line, Told
from tests.faults.trial import Run


def main() -> int:
    given = _arguments()
    faults = [CATALOGUE[name] for name in given.only or CATALOGUE]
    shape = EMBEDDED if given.embedded else DISTRIBUTED
    faults = [each for each in faults if not given.embedded or not each.distributed]
    with ground.prepared(keep=given.keep) as made, ground.running(made, shape) as whole:
        if given.keep:
            sys.stdout.write(f"logs and journals: {made.data}\n")
        of_use.start_test(whole)
        lines = _all_runs(whole, faults, given)
    sys.stdout.write(table.written(lines))
    return 0 if all(line.kept for line in lines) else 1


def _all_runs(whole: Cluster, faults: Sequence[Fault], given: argparse.Namespace) -> list[Line]:
    """In an order of its own each time, so that a fault meets what another one left behind."""
    lines = {fault.id: Line(fault.id, fault.sentence) for fault in faults}
    dice = random.Random(given.seed)
    for turn in range(given.runs):
        for number, fault in enumerate(dice.sample(faults, len(faults))):
            run = Run(turn * len(faults) + number, given.seed + turn, given.patient)
            lines[fault.id].add(_one(whole, fault, run))
    return list(lines.values())


def _one(whole: Cluster, fault: Fault, run: Run) -> Told:
    began = time.monotonic()
    try:
        told: Told = trial.attempt(fault, whole, run)
    except AssertionError as error:
        told = error
    sys.stdout.write(f"run {run.number} {fault.id} ({time.monotonic() - began:.0f} s): {told}\n")
    sys.stdout.flush()
    return told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="how often each fault is put")
    parser.add_argument("--only", type=_names, help="ids of faults, with commas between them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--embedded", action="store_true", help="one process, without Redis")
    parser.add_argument("--keep", action="store_true", help="leave logs and journals behind")
    parser.add_argument("--patient", action="store_true", help="faults last as long as they do")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    strangers = set(names) - CATALOGUE.keys()
    if strangers:
        raise argparse.ArgumentTypeError(f"no faults: {', '.join(sorted(strangers))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
