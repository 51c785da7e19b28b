"""`python -m bench`: ours beside the peers. `python -m bench profile`: where our time goes.

`python -m bench peers`: ours as shipped beside every peer in an environment of its own.
`python -m bench overload`, `models`, `tensors`, `watchers` and `page`: see bench/README.md.
`python -m bench swaps`: how soon every process follows a change.
`python -m bench log`: what a database takes. `python -m bench redis`: the distributed mode.
`python -m bench drift`: what it costs that rows are counted.
`python -m bench placement`: a batch on the loop, in a thread, in a process.
`python -m bench apart`: what a batch costs in a process of its own.
`python -m bench assignment`: what it costs to find a unit's arm.
`python -m bench power`: how often tests are wrong, and after how many labels they are done.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path
from types import FrameType
from typing import Final

from bench import (
    apart,
    assignment,
    contest,
    crowd,
    distributed,
    drifting,
    log,
    measure,
    mirror,
    overload,
    page,
    placement,
    power,
    profiling,
    report,
    swaps,
    tensors,
    watchers,
    wrk,
)
from bench.floors import floors
from bench.plan import FULL, QUICK, Plan
from bench.problem import BenchFailed
from bench.progress import Progress

_VERBS: Final = {
    "redis": (distributed.add_arguments, "the distributed mode beside one process"),
    "peers": (contest.add_arguments, "ours as shipped beside every peer"),
    "overload": (overload.add_arguments, "three times more than can be done"),
    "models": (crowd.add_arguments, "what further models cost"),
    "drift": (drifting.add_arguments, "what it costs that rows are counted to notice drift"),
    "watchers": (watchers.add_arguments, "a hundred sockets on one test while traffic plays"),
    "page": (page.add_arguments, "a page that is open while traffic plays"),
    "power": (power.add_arguments, "how often tests are wrong, and when they are done"),
    "shadow": (
        mirror.add_arguments,
        "what a challenger in the shadow costs the champion's callers",
    ),
    "swaps": (swaps.add_arguments, "how soon every process follows, and a storm of swaps"),
    "tensors": (tensors.add_arguments, "binary tensors beside the model called directly"),
}


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _ended)
    try:
        with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
            return int(options.run(options, Path(folder)))
    except BenchFailed as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 1


def _ended(number: int, _: FrameType | None) -> None:
    """Whoever is told to stop stops what it started, too."""
    raise SystemExit(128 + number)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m bench", description="Measure ours beside the peers.")
    parser.set_defaults(run=_bench, quick=False, json=None, gate=False)
    _add_options(parser)
    verbs = parser.add_subparsers(title="other verbs")
    profiling.add_arguments(verbs.add_parser("profile", help="where the server's time goes"))
    log.add_arguments(verbs.add_parser("log", help="rows a second into the database"))
    where = verbs.add_parser("placement", help="a batch on the loop, in a thread, in a process")
    placement.add_arguments(where)
    apart.add_arguments(verbs.add_parser("apart", help="a batch in a process of its own"))
    assignment.add_arguments(verbs.add_parser("assignment", help="finding a unit's arm"))
    for name, (add_arguments, what) in _VERBS.items():
        verb = verbs.add_parser(name, help=what)
        add_arguments(verb)
        _add_options(verb)
    return parser


def _add_options(parser: ArgumentParser) -> None:
    """What may stand before the verb or after it; hence the defaults are set elsewhere."""
    parser.add_argument("--quick", action="store_true", default=SUPPRESS, help="one short round")
    parser.add_argument("--json", type=Path, default=SUPPRESS, help="write the numbers there too")
    parser.add_argument(
        "--gate", action="store_true", default=SUPPRESS, help="fail if a floor is missed"
    )


def _bench(options: Namespace, folder: Path) -> int:
    wrk.require()
    plan: Plan = QUICK if options.quick else FULL
    progress = Progress()
    results = measure.everything(measure.make(folder, plan, progress))
    print(report.page(results, plan, progress.seconds))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(results), indent=1), encoding="utf-8")
    missed = [floor for floor in floors(results) if not floor.met]
    return 1 if missed and options.gate else 0


if __name__ == "__main__":
    raise SystemExit(main())
