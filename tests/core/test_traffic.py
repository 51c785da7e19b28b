from __future__ import annotations

import pytest

from inference.core.traffic import (
    HISTORY_SECONDS,
    NOTHING,
    Counts,
    Latency,
    Meter,
    Rate,
    Second,
    slower,
)

QUICK = Latency(0.001, 0.002, 0.003)
SLOW = Latency(0.010, 0.020, 0.030)


def test_counts_add_up_and_take_away() -> None:
    one, other = Counts(5, 2, 1, 3), Counts(1, 1, 1, 1)

    assert one + other == Counts(6, 3, 2, 4)
    assert one + other - other == one


def test_a_batch_has_no_size_while_there_is_none() -> None:
    assert NOTHING.rows_a_batch is None
    assert Counts(predictions=12, batches=4).rows_a_batch == 3.0


def test_a_slow_source_does_not_hide_behind_a_busy_one() -> None:
    found = slower([(99, QUICK), (1, SLOW)])

    assert found is not None
    assert found.p50 == pytest.approx(0.00109)
    assert found[1:] == (0.020, 0.030)


def test_sources_that_did_nothing_yet_weigh_alike() -> None:
    found = slower([(0, QUICK), (0, SLOW)])

    assert found is not None
    assert found.p50 == pytest.approx(0.0055)


def test_nothing_known_gives_no_quantiles() -> None:
    assert slower([(5, None)]) is None


def test_the_rate_is_that_of_the_last_seconds_by_the_time_they_really_took() -> None:
    meter = Meter()
    for t in range(10):
        meter.tick(t, 0.5, Counts(predictions=10, batches=5), QUICK)

    assert meter.rate == 20.0
    assert meter.rows_a_batch == 2.0
    assert meter.total == Counts(100, 50)


def test_a_second_in_which_nothing_ran_has_no_latency_but_the_last_one_stays_known() -> None:
    meter = Meter()
    meter.tick(1, 1.0, Counts(predictions=4, batches=2), QUICK)
    meter.tick(2, 1.0, NOTHING, None)

    assert meter.newest == Second(2, 0.0, None, None, None)
    assert meter.latency == QUICK


def test_curves_are_one_list_for_each_field_in_milliseconds() -> None:
    meter = Meter()
    meter.tick(1, 1.0, Counts(predictions=4, batches=2), QUICK)
    meter.tick(2, 1.0, NOTHING, None)

    assert meter.curves() == {
        "t": [1, 2],
        "rate": [4.0, 0.0],
        "p50": [1.0, None],
        "p99": [3.0, None],
        "batch": [2.0, None],
    }


def test_ten_minutes_are_remembered() -> None:
    meter = Meter()
    for t in range(HISTORY_SECONDS + 5):
        meter.tick(t, 1.0, NOTHING, None)

    assert meter.curves()["t"] == list(range(5, HISTORY_SECONDS + 5))


def test_a_meter_that_was_never_told_anything_says_so() -> None:
    meter = Meter()

    assert (meter.rate, meter.rows_a_batch, meter.newest) == (0.0, None, None)


@pytest.mark.parametrize(
    ("asked", "rates"),
    [
        ([(5, 10.0)], [0.0]),
        ([(0, 1.0), (10, 1.5), (10, 2.5)], [0.0, 20.0, 0.0]),
        ([(0, 1.0), (7, 1.0), (14, 2.0)], [0.0, 0.0, 7.0]),
        ([(0, 2.0), (7, 1.0)], [0.0, 0.0]),
    ],
)
def test_a_rate_is_what_came_since_it_was_asked_last(
    asked: list[tuple[int, float]], rates: list[float]
) -> None:
    rate = Rate()

    assert [rate.of(count, now) for count, now in asked] == rates
