"""`python -m bench apart`: what a batch costs in a process of its own, beside the same one in ours.

The two take turns, so that whatever else the machine does, it does to both. Times are medians.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import numpy as np
import psutil
from sklearn.ensemble import RandomForestClassifier

from bench.table import number, table
from inference import bundles
from inference.bundles import Bundle
from inference.core.schema import Feature, Schema, Target
from inference.core.tensors import Matrix
from inference.runtimes.base import Artefact, Kind, Runtime
from inference.runtimes.confinement import Bounds
from inference.runtimes.isolated import IsolatedRuntime
from inference.training import pack, sample, train
from inference.training.pack import Identity, Trial

HEAD: Final = ("served by", "rows", "here, us", "apart, us", "added, us", "ratio")
SIZES: Final = (1, 32, 256)
CALLS: Final = 300
FEATURES: Final = 30
_BOUNDS: Final = Bounds(memory=1 << 30, seconds=30.0)


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: Namespace, folder: Path) -> int:
    bundle = _forest()
    rows = bundle.table.encode_many(sample.drawn(bundle.table))
    lines, began = [], []
    for kind in (Kind.ONNX, Kind.JOBLIB):
        started = perf_counter()
        apart = bundles.load(bundle, kind, apart=_BOUNDS)
        began.append(f"{kind}: a start of {perf_counter() - started:.2f} s, {_megabytes(apart)} MB")
        here = bundles.load(bundle, kind)
        lines += [_line(kind, here, apart, np.resize(rows, (size, FEATURES))) for size in SIZES]
        apart.close()
    print(table(f"A forest of 100 trees, {FEATURES} features", HEAD, lines))
    print("\n".join(began))
    return 0


def _forest() -> Bundle:
    """Trained on noise: what it says does not matter, how deep it is does."""
    dice = np.random.default_rng(1)
    matrix = dice.normal(size=(2000, FEATURES))
    model = RandomForestClassifier(100, random_state=1)
    model.fit(matrix, np.where(matrix[:, 0] + matrix[:, 1] > 0, "yes", "no"))
    features = tuple(Feature(f"x{n}", "number", minimum=-3.0, maximum=3.0) for n in range(FEATURES))
    schema = Schema(features, Target("y", "binary", ("no", "yes")))
    artefact = Artefact(Kind.JOBLIB, train.dump(model), schema, libraries=pack.libraries())
    trial = Trial(sample.drawn(schema), "rows drawn from the schema")
    return pack.pack(Identity("bench", "forest", "1", "bench"), artefact, trial)


def _line(kind: Kind, here: Runtime, apart: Runtime, rows: Matrix) -> tuple[str, ...]:
    times: dict[Runtime, list[float]] = {here: [], apart: []}
    for _ in range(CALLS):
        for runtime, found in times.items():
            began = perf_counter()
            runtime.predict((rows,))
            found.append(1e6 * (perf_counter() - began))
    one, other = (median(found) for found in times.values())
    figures = (len(rows), one, other, other - one)
    return kind.value, *map(number, figures), f"{other / one:.2f}"


def _megabytes(runtime: Runtime) -> int:
    assert isinstance(runtime, IsolatedRuntime)
    return psutil.Process(runtime.pid).memory_info().rss >> 20
