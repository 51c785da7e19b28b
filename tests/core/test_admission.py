"""A full queue, or one too slow for the caller, is refused at the door with a time to come back."""

from __future__ import annotations

import pytest

from inference.core.admission import Admission, Ahead, RemoteAdmission, pause
from inference.core.batching import BatchPolicy
from inference.core.latency import LatencyModel
from inference.core.standing import INTERVAL

POLICY = BatchPolicy(max_rows=10, max_queue_rows=100)


def door(seconds_per_row: float | None) -> Admission:
    """Ten rows a batch; the base is nothing."""
    latency = LatencyModel()
    if seconds_per_row is not None:
        for rows in (1, 10) * 10:
            latency.observe(rows, rows * seconds_per_row)
    return Admission(POLICY, latency)


@pytest.mark.parametrize(
    ("rows", "waiting", "running", "patience", "admitted"),
    [
        (1, 0, 0.0, 25.0, True),
        (1, 99, 0.0, 25.0, True),  # fills the queue
        (2, 99, 0.0, 25.0, False),  # one too many
        (500, 0, 0.0, 25.0, True),  # larger than the queue, but the lane is idle
        (500, 0, 0.0, 1.0, True),  # even too late: only running mends a wrong forecast
        (500, 0, 3.0, 60.0, True),  # nobody waits, a batch is under way
        (500, 1, 0.0, 60.0, False),
        (10, 10, 0.0, 2.1, True),  # done in 2 s
        (10, 10, 0.0, 1.9, False),
        (10, 10, 1.0, 2.9, False),  # after what is running
        (10, 0, 1.0, 1.9, False),
        (5, 10, 0.0, 1.6, True),  # one full batch and a half
        (5, 10, 0.0, 1.4, False),
    ],
)
def test_rows_and_age_decide(
    rows: int, waiting: int, running: float, patience: float, admitted: bool
) -> None:
    refusal = door(0.1).refusal(rows, Ahead(waiting, running), patience, 0.0)

    assert (refusal is None) is admitted


@pytest.mark.parametrize(
    ("waiting", "hurried", "admitted"),
    [
        (90, False, True),  # he has time
        (0, True, True),  # those who wait are a stream's
        (20, True, True),  # two full batches
        (21, True, False),
    ],
)
def test_who_is_in_a_hurry_waits_for_two_full_batches_of_his_like(
    waiting: int, hurried: bool, admitted: bool
) -> None:
    refusal = door(0.1).refusal(1, Ahead(90, 3.0, waiting), 600.0, 0.0, hurried=hurried)

    assert (refusal is None) is admitted


def test_a_burst_is_swallowed_and_a_queue_that_stands_is_not_made_longer() -> None:
    """Ten rows take 0.1 s, so that half a second of waiting is fifty of them."""
    admission = door(0.01)
    looks = [round(INTERVAL * part, 3) for part in (0.0, 0.5, 0.9, 1.0, 1.1)]

    def admitted(hurried: int, now: float) -> bool:
        return admission.refusal(1, Ahead(90, 0.0, hurried), 600.0, now, hurried=True) is None

    assert [admitted(50, now) for now in looks] == [True, True, True, False, False]
    assert admitted(20, INTERVAL * 1.2)
    assert not admitted(21, INTERVAL * 1.3)
    assert admitted(50, INTERVAL * 2.5)  # it was short for long enough


def test_a_wait_that_nobody_notices_is_no_reason_to_refuse() -> None:
    quick = door(0.0001)

    assert quick.wait(90, 0.0) == 1.0
    assert quick.refusal(1, Ahead(90, 0.0, 90), 600.0, 0.0, hurried=True) is None
    assert quick.refusal(1, Ahead(90, 0.0, 90), 600.0, 9.0, hurried=True) is None


def test_the_refusal_says_what_is_in_the_way() -> None:
    full = door(0.1).refusal(2, Ahead(99), 25.0, 0.0)
    late = door(0.1).refusal(10, Ahead(10, 1.0), 2.5, 0.0)

    assert full is not None
    assert late is not None
    assert full.message == "99 rows are waiting; 2 more do not fit"
    assert late.message == "the answer would take 3.0 s, but is wanted within 2.5 s"


@pytest.mark.parametrize(
    ("per_row", "running", "retry_after"),
    [
        (0.05, 0.0, 5.0),  # the queue is worked off then
        (0.05, 2.0, 7.0),
        (0.002, 0.0, 0.2),  # to the millisecond, where it can be said so
        (0.0001, 0.0, 0.05),  # sooner only adds load
        (9.0, 0.0, 30.0),  # later is a guess
        (None, 0.0, 1.0),  # nobody knows
        (None, 2.0, 1.0),
    ],
)
def test_retry_after_is_the_time_the_queue_takes(
    per_row: float | None, running: float, retry_after: float
) -> None:
    refusal = door(per_row).refusal(1, Ahead(100, running), 1e6, 0.0)

    assert refusal is not None
    assert refusal.retry_after == pytest.approx(retry_after)


@pytest.mark.parametrize(
    ("waiting", "rate", "seconds"),
    [
        (8000, 16000.0, 0.5),
        (8000, 1000.0, 8.0),
        (10, 16000.0, 0.05),
        (8000, 1.0, 30.0),
        (8000, 0.0, 1.0),
        (0, 0.0, 1.0),
        (0, 100.0, 0.05),
    ],
)
def test_a_queue_elsewhere_is_worked_off_at_the_rate_that_was_seen(
    waiting: int, rate: float, seconds: float
) -> None:
    assert pause(waiting, rate) == pytest.approx(seconds)


def test_while_nothing_is_known_only_rows_count() -> None:
    assert door(None).refusal(1, Ahead(99), 0.001, 0.0) is None


def test_no_queue_outlasts_the_horizon() -> None:
    admission = door(0.1)

    assert admission.horizon() == pytest.approx(10.0)
    assert admission.refusal(1, Ahead(99), admission.horizon() + 1e-6, 0.0) is None
    assert door(None).horizon() == 0.0


def far(*answers: tuple[float, float]) -> RemoteAdmission:
    """Workers take ten rows at once; answers are moments in intervals and seconds they took."""
    admission = RemoteAdmission(10, 0.05)
    for now, seconds in answers:
        admission.answered(1, seconds, INTERVAL * now)
    return admission


SLOW = [(0.0, 0.06), (0.5, 0.06), (1.0, 0.06)]


@pytest.mark.parametrize(
    ("answers", "model", "hurried", "workers", "admitted"),
    [
        ([], 1, 900, 1, True),  # nobody knows
        ([(0.0, 0.06), (0.5, 0.04), (1.0, 0.06)], 1, 900, 1, True),  # a burst
        (SLOW, 1, 21, 1, False),
        (SLOW, 1, 20, 1, True),  # what keeps a worker busy
        (SLOW, 1, 21, 2, True),
        (SLOW, 1, 21, 0, False),
        (SLOW, 2, 900, 1, True),  # another model's queue
    ],
)
def test_a_queue_elsewhere_stands_if_its_answers_are_late_for_long(
    answers: list[tuple[float, float]], model: int, hurried: int, workers: int, admitted: bool
) -> None:
    refusal = far(*answers).refusal(model, hurried, workers, 100.0, INTERVAL * 1.1)

    assert (refusal is None) is admitted


def test_a_queue_elsewhere_says_when_to_come_back() -> None:
    refusal = far(*SLOW).refusal(1, 300, 1, 100.0, INTERVAL)

    assert refusal is not None
    assert refusal.retry_after == pytest.approx(3.0)
    assert far(*SLOW).refusal(1, 300, 1, 100.0, INTERVAL * 9) is None  # long ago
