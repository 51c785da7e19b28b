"""The whole of Adult, where its file is at hand: size, quality, parity, the same bits again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inference import bundles
from inference.bundles import Bundle
from inference.runtimes.base import Kind
from inference.training import lesson
from inference.training.lesson import Lesson

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif("ADULT_CSV" not in os.environ, reason="ADULT_CSV names no file"),
]
KEY = b"key"
FRESH = """
import sys, numpy as np
from pathlib import Path
from inference import bundles
runtime = bundles.load(bundles.read(Path(sys.argv[1]).read_bytes(), b"key"))
np.save(sys.argv[3], runtime.predict((np.load(sys.argv[2]),))[0])
"""


@pytest.fixture(scope="module")
def adult() -> Lesson:
    return lesson.of("income", Path(os.environ["ADULT_CSV"]))


@pytest.fixture(scope="module", params=["random forest", "extra trees"])
def bundle(request: pytest.FixtureRequest, adult: Lesson) -> Bundle:
    return lesson.bundle(adult, request.param, version="0.0.1", owner="tests")


def test_the_compiled_model_says_the_same_on_every_row(adult: Lesson, bundle: Bundle) -> None:
    matrix = adult.schema.encode_many(adult.dataset.held_out.records)
    compiled = bundles.answers(bundles.load(bundle, Kind.ONNX), matrix)
    original = bundles.answers(bundles.load(bundle, Kind.JOBLIB), matrix)

    assert matrix.shape == (9769, 14)
    assert bundle.card.serving is Kind.ONNX
    assert np.array_equal(compiled.argmax(axis=1), original.argmax(axis=1))
    assert np.abs(compiled - original).max() <= 1e-5


def test_it_has_learnt_something_and_stays_small(bundle: Bundle) -> None:
    assert bundle.card.metrics["accuracy"] > 0.83
    assert len(bundles.write(bundle, KEY)) < 5_000_000


def test_a_fresh_process_gives_the_same_bits_on_every_row(
    adult: Lesson, bundle: Bundle, tmp_path: Path
) -> None:
    matrix = adult.schema.encode_many(adult.dataset.held_out.records)
    file, rows, answers = (tmp_path / name for name in ("a.weir", "rows.npy", "answers.npy"))
    file.write_bytes(bundles.write(bundle, KEY))
    np.save(rows, matrix)

    subprocess.run([sys.executable, "-c", FRESH, file, rows, answers], check=True)

    assert np.load(answers).tobytes() == bundles.load(bundle).predict((matrix,))[0].tobytes()


def test_one_row_alone_says_what_it_says_among_others(adult: Lesson, bundle: Bundle) -> None:
    matrix = adult.schema.encode_many(adult.dataset.held_out.records[:300])
    runtime = bundles.load(bundle)

    alone = np.concatenate([bundles.answers(runtime, row[None, :]) for row in matrix])

    assert np.abs(alone - bundles.answers(runtime, matrix)).max() <= 1e-6
