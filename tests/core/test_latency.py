"""Seconds per batch are learnt from batches, and what is not known is not invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core.latency import NO_LIMIT, SURPRISES, LatencyModel


def learnt(*batches: tuple[int, float]) -> LatencyModel:
    model = LatencyModel()
    for rows, seconds in batches:
        model.observe(rows, seconds)
    return model


def seconds(model: LatencyModel, rows: int) -> float:
    forecast = model.seconds(rows)
    assert forecast is not None
    return forecast


def test_before_the_first_batch_it_cannot_say_and_limits_nothing() -> None:
    model = LatencyModel()

    assert model.seconds(1) is None
    assert model.rows_within(0.001) == NO_LIMIT


@pytest.mark.parametrize(("rows", "took"), [(1, 0.004), (10, 0.004), (20, 0.008), (40, 0.016)])
def test_after_one_size_it_is_careful_on_both_sides(rows: int, took: float) -> None:
    model = learnt((10, 0.004), (10, 0.004))

    assert model.seconds(rows) == pytest.approx(took)


@pytest.mark.parametrize(("limit", "rows"), [(0.0039, 0), (0.0081, 20), (0.0401, 100)])
def test_after_one_size_rows_within_is_as_careful(limit: float, rows: int) -> None:
    assert learnt((10, 0.004)).rows_within(limit) == rows


def test_two_sizes_give_the_line() -> None:
    model = learnt(*[(1, 0.0052), (101, 0.0252)] * 20)

    assert model.seconds(1) == pytest.approx(0.0052)
    assert model.seconds(51) == pytest.approx(0.0152)
    assert model.seconds(1000) == pytest.approx(0.205)
    assert model.rows_within(0.0152) == pytest.approx(51, abs=1)
    assert model.rows_within(0.004) == 0


def test_rows_that_seem_to_cost_nothing_limit_nothing() -> None:
    model = learnt(*[(1, 0.004), (100, 0.003)] * 10)

    assert model.seconds(1) == model.seconds(1000) == pytest.approx(0.0035, rel=0.02)
    assert model.rows_within(0.01) == NO_LIMIT
    assert model.rows_within(0.001) == 0


def test_a_line_that_would_begin_below_zero_begins_at_zero() -> None:
    model = learnt(*[(10, 0.001), (20, 0.004)] * 10)

    assert model.seconds(0) == 0.0
    assert model.seconds(15) == pytest.approx(0.0025, rel=0.02)


def test_one_stall_of_the_machine_is_not_the_models_speed() -> None:
    model = learnt(*[(10, 0.0001)] * 50, (10, 2.0))

    assert seconds(model, 10) < 0.00015


def test_stalls_now_and_then_are_not_either() -> None:
    model = learnt(*([(10, 0.0001)] * 19 + [(10, 2.0)]) * 20)

    assert seconds(model, 10) < 0.0002


def test_so_many_surprises_in_a_row_are_the_models_speed() -> None:
    model = learnt(*[(10, 0.0001)] * 50, *[(10, 0.2)] * SURPRISES)

    assert model.seconds(10) == pytest.approx(0.2)


def test_what_was_lately_counts_most() -> None:
    model = learnt(*[(10, 0.001)] * 200, *[(10, 0.002)] * 100)

    assert model.seconds(10) == pytest.approx(0.002, rel=0.1)


batches = st.lists(st.tuples(st.integers(1, 5000), st.floats(0.0, 100.0)), min_size=1, max_size=30)


@given(batches)
def test_more_rows_never_take_less_time(seen: list[tuple[int, float]]) -> None:
    model = learnt(*seen)

    forecast = [seconds(model, rows) for rows in (1, 2, 10, 1000, 100_000)]

    assert forecast == sorted(forecast)
    assert forecast[0] >= 0.0


@given(batches, st.floats(0.0, 1000.0))
def test_the_batch_that_fits_is_done_in_time(seen: list[tuple[int, float]], limit: float) -> None:
    model = learnt(*seen)

    rows = model.rows_within(limit)

    assert 0 <= rows <= NO_LIMIT
    if 0 < rows < NO_LIMIT:
        assert seconds(model, rows) <= limit * 1.000001 + 1e-9
