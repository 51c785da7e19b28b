from __future__ import annotations

from itertools import pairwise

from inference.core.trace import Trace


def counts(trace: Trace) -> list[float]:
    return trace.columns()["n"]


def test_a_path_keeps_its_points_in_order_under_their_names() -> None:
    trace = Trace(["low", "high"])
    trace.add(10, (0.1, 0.3))
    trace.add(20, (0.2, 0.4))

    assert trace.columns() == {"n": [10, 20], "low": [0.1, 0.2], "high": [0.3, 0.4]}


def test_the_same_count_again_replaces_its_point() -> None:
    trace = Trace(["x"])
    trace.add(10, (1.0,))
    trace.add(10, (2.0,))

    assert trace.columns() == {"n": [10], "x": [2.0]}


def test_labels_that_are_taken_back_take_their_points_along() -> None:
    trace = Trace(["x"])
    for n in (10, 20, 30):
        trace.add(n, (float(n),))
    trace.add(15, (1.5,))

    assert trace.columns() == {"n": [10, 15], "x": [10.0, 1.5]}


def test_a_long_path_stays_bounded_keeps_its_ends_and_is_evenly_spaced() -> None:
    trace = Trace(["x"], points=50)
    for n in range(10_000):
        trace.add(n, (float(n),))

    found = counts(trace)
    gaps = {b - a for a, b in pairwise(found[:-1])}

    assert len(found) <= 51
    assert found[0] == 0
    assert found[-1] == 9_999
    assert max(gaps) <= 2 * min(gaps)
