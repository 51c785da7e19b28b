"""What was accepted is taken by one at a time, tried again, and ends in one row for each id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from inference.core.errors import ModelError, Overloaded
from inference.durable import ledger
from inference.models import MLAlgorithm, MLRequest, Outbox
from inference.services import moments, outbox, predictions, receipts
from inference.services.outbox import Held, Hopeless, Refused, Taken
from inference.services.receipts import Opening, Queued
from tests.inference import registered
from tests.inference.test_receipts import in_threads

pytestmark = pytest.mark.django_db
ASK: dict[str, Any] = {
    "status": "production",
    "version": None,
    "algorithm": None,
    "subject": "ann",
    "lenient": True,
}


@pytest.fixture
def forest() -> MLAlgorithm:
    return registered.algorithm()


def accept(forest: MLAlgorithm, *ids: int, body: str = '{"age": 37}') -> None:
    queued = Queued(forest.pk, ASK, body, 1000)
    receipts.open_all([Opening("income", ids, len(ids) > 1, queued=queued)])


def fall_due(*ids: int) -> None:
    Outbox.objects.filter(pk__in=ids).update(due_at=moments.since_now(-1))


def take(most: int = 10) -> Sequence[Taken]:
    return outbox.take([most])[0]


def test_nobody_takes_what_somebody_is_at(forest: MLAlgorithm) -> None:
    accept(forest, 1)

    assert take() == []


def test_what_is_overdue_is_taken_with_all_that_it_takes(forest: MLAlgorithm) -> None:
    accept(forest, 4, 5, 9, body="[1, 2, 3]")
    Outbox.objects.update(created_at=moments.since_now(-60))
    fall_due(4)

    [taken] = take()

    assert taken._replace(age=0) == Taken([4, 5, 9], "income", ASK, "[1, 2, 3]", 2, 0, 0)
    assert taken.id == 4
    assert 55 < taken.age < 65
    assert take() == []


def test_so_many_are_taken_the_oldest_first(forest: MLAlgorithm) -> None:
    for at in (1, 2, 3):
        accept(forest, at)
        Outbox.objects.filter(pk=at).update(due_at=moments.since_now(at - 10))

    assert [taken.id for taken in take(2)] == [1, 2]


def test_who_is_still_at_it_keeps_it(forest: MLAlgorithm) -> None:
    accept(forest, 1)
    fall_due(1)
    outbox.renew([[Held(1, 0)], []])

    assert take() == []


def test_a_renewal_that_comes_late_does_not_hold_what_was_put_off(forest: MLAlgorithm) -> None:
    accept(forest, 1)
    fall_due(1)
    [taken] = take()
    outbox.postpone([Refused(taken, -1.0)])
    outbox.renew([[taken.held]])

    assert [each.id for each in take()] == [1]


def test_what_was_refused_comes_back_later(forest: MLAlgorithm) -> None:
    accept(forest, 1)
    accept(forest, 2)
    fall_due(1, 2)
    first, second = take()

    outbox.postpone([Refused(first, -1.0), Refused(second, 60.0)])

    [taken] = take()
    assert (taken.id, taken.attempts, taken.refusals) == (1, 3, 1)


def test_what_somebody_else_has_taken_is_not_put_off(forest: MLAlgorithm) -> None:
    accept(forest, 1)
    fall_due(1)
    [first] = take()
    fall_due(1)
    [second] = take()

    outbox.postpone([Refused(first, -1.0)])

    assert take() == []
    assert (second.attempts, Outbox.objects.get().refusals) == (3, 0)


def test_what_is_answered_leaves_the_queue(forest: MLAlgorithm) -> None:
    accept(forest, 1)
    accept(forest, 2)

    outbox.finish([1, 5])

    assert [row.pk for row in Outbox.objects.all()] == [2]


def test_what_is_given_up_has_a_row_for_each_id_that_has_none(forest: MLAlgorithm) -> None:
    accept(forest, 1, 2, body='[{"age":1},{"age":2}]')
    predictions.record([registered.row(1, forest)], "a")

    outbox.give_up([Hopeless(1, ModelError("no luck")), Hopeless(7, Overloaded())])

    first, second = MLRequest.objects.order_by("id")
    assert (first.response, first.error_code) == ("<=50K", "")
    assert (second.response, second.error_code) == ("error", "model_error")
    assert (second.input_data, second.subject, second.arm_id) == ('{"age":2}', "ann", None)
    assert second.full_response == '{"status":"Error","message":"no luck","code":"model_error"}'
    assert Outbox.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_all_who_sweep_at_once_each_row_is_one_takers() -> None:
    forest = registered.algorithm()
    for at in range(1, 61):
        accept(forest, at)
    fall_due(*range(1, 61))
    taken: list[int] = []

    def sweep(_: int) -> None:
        for _turn in range(10):
            entries: Any = [ledger._Entry(outbox.take, 20)]
            ledger._write(entries)
            taken.extend(each.id for each in entries[0].answer)

    assert in_threads(4, sweep) == []

    assert Counter(taken) == dict.fromkeys(range(1, 61), 1)
