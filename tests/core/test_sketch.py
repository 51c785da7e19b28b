from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from inference.core import sketch

LATENCIES = np.random.default_rng(7).lognormal(-5.0, 1.0, 50_000)


def rank_errors(blob: bytes) -> npt.NDArray[np.float64]:
    found = sketch.quantiles(blob)
    assert found is not None
    ranks = np.searchsorted(np.sort(LATENCIES), found) / LATENCIES.size
    return np.asarray(np.abs(ranks - sketch.RANKS))


def batches(size: int) -> list[npt.NDArray[np.float64]]:
    return [LATENCIES[start : start + size] for start in range(0, LATENCIES.size, size)]


def test_quantiles_are_within_one_percent_of_rank() -> None:
    blob = sketch.EMPTY
    for batch in batches(64):
        blob = sketch.update(blob, batch)

    assert rank_errors(blob).max() < 0.01
    assert len(blob) < 5_000


def test_workers_merge_into_what_one_would_have_seen() -> None:
    workers = [sketch.EMPTY, sketch.EMPTY, sketch.EMPTY]
    for index, batch in enumerate(batches(500)):
        workers[index % 3] = sketch.update(workers[index % 3], batch)

    assert rank_errors(sketch.merge([*workers, sketch.EMPTY])).max() < 0.01


def test_few_values_are_kept_exactly() -> None:
    blob = sketch.update(sketch.EMPTY, np.array([0.25, 0.5, 1.0]))

    assert sketch.quantiles(blob, (0.0, 0.5, 1.0)) == (0.25, 0.5, 1.0)


def test_of_nothing_there_are_no_quantiles() -> None:
    assert sketch.quantiles(sketch.EMPTY) is None
    assert sketch.merge([]) == sketch.EMPTY
    assert sketch.merge([sketch.EMPTY, sketch.EMPTY]) == sketch.EMPTY


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf]])
def test_what_is_no_number_changes_nothing(values: list[float]) -> None:
    blob = sketch.update(sketch.EMPTY, np.array([1.0]))

    assert sketch.update(blob, np.array(values)) == blob
    assert sketch.update(sketch.EMPTY, np.array(values)) == sketch.EMPTY
