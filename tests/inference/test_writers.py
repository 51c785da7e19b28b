"""Writers that meet in the log: each row is written by one of them, and nobody fails or hangs."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest
from django.db import transaction

from inference.core.lifecycle import Status
from inference.core.tally import Tally
from inference.core.types import PredictionRow
from inference.models import Arm, ArmTally, MLRequest
from inference.services import experiments, models, predictions
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.sessions import server, until_waiting
from tests.inference.threads import PATIENCE, at_once

__all__ = ["server"]
pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 40


def recount() -> dict[int, Tally]:
    """What the log says of each arm."""
    rows = list(MLRequest.objects.values_list("arm", "error_code"))
    errors = Counter(arm for arm, code in rows if code)
    counted = Counter(arm for arm, _ in rows)
    return {arm: Tally(exposures=n, subjects=n, errors=errors[arm]) for arm, n in counted.items()}


def overlapping(dice: random.Random, turn: int) -> list[int]:
    """Forty ids in any order, some of them twice; the next turn's begin in their midst."""
    ids = [*range(1 + turn * 20, 41 + turn * 20), *dice.choices(range(1, 41 + turn * 20), k=5)]
    dice.shuffle(ids)
    return ids


def rows_of(ids: Sequence[int], arms: Sequence[Arm]) -> list[PredictionRow]:
    return [
        row(at, arms[at % 2].algorithm, arms[at % 2], error_code="model_error" * (at % 7 == 0))
        for at in ids
    ]


@pytest.mark.parametrize(("writers", "shards"), [(2, 2), (4, 4), (2, 1)])
def test_overlapping_batches_are_written_once_and_counted_once(writers: int, shards: int) -> None:
    """Also where one writer was taken for dead and another has got its shard."""
    test = registered.started(registered.pair())
    arms = list(test.arms.select_related("algorithm"))
    new: list[int] = []

    def write(seed: int) -> None:
        dice = random.Random(seed)
        for turn in range(ROUNDS):
            batch = rows_of(overlapping(dice, turn), arms)
            new.append(predictions.record(batch, f"worker {seed % shards}"))

    assert at_once(*(partial(write, seed) for seed in range(writers))) == []

    assert sum(new) == MLRequest.objects.count() == (ROUNDS + 1) * 20
    assert ArmTally.objects.all().by_arm() == recount()


def test_promotions_go_on_while_the_log_is_written() -> None:
    """A row refers to its algorithm; a database may lock the one for the sake of the other."""
    first, second = registered.pair()
    over = threading.Event()

    def promote() -> None:
        try:
            for turn in range(ROUNDS):
                chosen = (second, first)[turn % 2]
                models.algorithm_set_status(chosen.pk, Status.PRODUCTION, by="tests")
        finally:
            over.set()

    def write(writer: int) -> None:
        start = 1 + writer * 1_000_000
        while not over.is_set():
            batch = [row(at, (first, second)[at % 2]) for at in range(start, start + 40)]
            assert predictions.record(batch, f"worker {writer}") == 40
            start += 40

    assert at_once(promote, partial(write, 0), partial(write, 1)) == []


def test_tests_start_and_stop_while_their_arms_are_counted() -> None:
    pair = registered.pair()
    over = threading.Event()
    running: list[Sequence[Arm]] = []

    def test() -> None:
        try:
            for _ in range(ROUNDS // 4):
                test = registered.started(pair)
                running.append(list(test.arms.select_related("algorithm")))
                experiments.stop(test.pk, "tests")
        finally:
            over.set()

    def write(writer: int) -> None:
        start = 1 + writer * 1_000_000
        while not over.is_set():
            if running:
                batch = rows_of(range(start, start + 40), running[-1])
                predictions.record(batch, f"worker {writer}")
                start += 40

    assert at_once(test, partial(write, 0), partial(write, 1)) == []
    assert ArmTally.objects.all().by_arm() == recount()


@pytest.mark.usefixtures("server")
def test_rows_that_were_taken_back_are_written_by_one_of_those_who_waited() -> None:
    """On MariaDB both then hold the place and both want it: one is given up, and tries again."""
    algorithm = registered.algorithm()
    taken, back = threading.Event(), threading.Event()
    new: list[int] = []

    def take_back() -> None:
        with transaction.atomic():
            predictions.record([row(1, algorithm)], "first")
            taken.set()
            assert back.wait(PATIENCE)
            transaction.set_rollback(True)

    def write(shard: str) -> None:
        assert taken.wait(PATIENCE)
        new.append(predictions.record([row(1, algorithm)], shard))

    def let_go() -> None:
        until_waiting(2)
        back.set()

    assert at_once(take_back, partial(write, "second"), partial(write, "third"), let_go) == []
    assert sorted(new) == [0, 1]
