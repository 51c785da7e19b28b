"""Whose a key is, what comes of asking again, and that processes need not know of each other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from inference.core.perseverance import LEASE
from inference.durable import ledger
from inference.models import MLAlgorithm, MLRequest, Outbox, Receipt
from inference.services import moments, outbox, predictions, receipts, standings
from inference.services.receipts import Opening, Queued
from inference.services.standings import Found, Standing
from tests.inference import registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def forest() -> MLAlgorithm:
    return registered.algorithm()


def opening(key: str, *ids: int, body: str = "b", queued: Queued | None = None) -> Opening:
    return Opening("income", ids, len(ids) > 1, key, body, queued)


def opened(*asked: Opening) -> list[Found]:
    return receipts.open_all(asked)


def standing(*asked: Opening) -> list[Standing]:
    return [found.standing for found in opened(*asked)]


def place(forest: MLAlgorithm, most: int = 100) -> Queued:
    ask = {"status": "production", "version": None, "algorithm": None, "subject": "ann"}
    return Queued(forest.pk, ask | {"lenient": True}, '{"age": 37}', most)


def log(forest: MLAlgorithm, *ids: int) -> None:
    predictions.record([registered.row(each, forest) for each in ids], "a")


def let_go(key: str) -> None:
    """As if the process that held it had said nothing for a lease."""
    Receipt.objects.filter(pk=key).update(held_since=moments.since_now(-LEASE - 1))


def test_the_first_to_ask_runs_it_under_its_own_ids() -> None:
    [found] = opened(opening("k", 7, 8, 12))

    assert found == Found(Standing.OURS, (7, 8, 12), batch=True)
    kept = Receipt.objects.get(pk="k")
    assert (kept.ids, kept.endpoint, kept.batch) == ([[7, 2], [12, 1]], "income", True)


def test_a_request_without_a_key_leaves_no_receipt() -> None:
    assert standing(opening("", 1)) == [Standing.OURS]
    assert Receipt.objects.count() == 0


def test_a_key_stands_for_one_request() -> None:
    opened(opening("k", 1))

    assert standing(opening("k", 2, body="another")) == [Standing.OTHER]


def test_who_asks_while_another_process_is_at_it_is_told_so() -> None:
    opened(opening("k", 1))

    assert standing(opening("k", 2)) == [Standing.HELD]


def test_what_was_answered_is_answered_again_from_the_log(forest: MLAlgorithm) -> None:
    opened(opening("k", 5, 6))
    log(forest, 5)
    assert standing(opening("k", 7, 8)) == [Standing.HELD]
    log(forest, 6)

    [found] = opened(opening("k", 9, 10))

    assert (found.standing, found.ids, found.batch) == (Standing.DONE, [5, 6], True)
    assert found.texts == [
        f'{{"label": "<=50K","request_id":{each},"algorithm":{forest.pk},"version":"0.0.1"}}'
        for each in (5, 6)
    ]


def test_what_its_process_left_behind_is_run_again_under_the_same_ids_by_one() -> None:
    opened(opening("k", 5))
    let_go("k")

    assert opened(opening("k", 6)) == [Found(Standing.AGAIN, [5])]
    assert standing(opening("k", 7)) == [Standing.HELD]


def test_who_says_that_he_is_still_at_it_is_not_interrupted() -> None:
    opened(opening("k", 5))
    let_go("k")
    receipts.renew([["k"], []])

    assert standing(opening("k", 6)) == [Standing.HELD]


def test_a_renewal_that_comes_late_does_not_hold_what_was_let_go() -> None:
    opened(opening("k", 5))
    receipts.free(["k"])
    receipts.renew([["k"]])

    assert standing(opening("k", 6)) == [Standing.AGAIN]


def test_what_failed_may_be_tried_at_once_under_the_same_ids() -> None:
    opened(opening("k", 5))
    receipts.free(["k"])

    assert opened(opening("k", 6)) == [Found(Standing.AGAIN, [5])]


def test_what_never_began_is_forgotten() -> None:
    opened(opening("k", 5))
    receipts.drop(["k"])

    assert opened(opening("k", 6, body="another")) == [Found(Standing.OURS, (6,))]


def test_receipts_are_forgotten_after_a_day() -> None:
    opened(opening("old", 1), opening("new", 2))
    Receipt.objects.filter(pk="old").update(created_at=moments.since_now(-86_401))

    assert receipts.prune([86_400.0]) == [1]
    assert [each.pk for each in Receipt.objects.all()] == ["new"]


def test_many_at_once_are_told_apart(forest: MLAlgorithm) -> None:
    opened(opening("done", 1), opening("held", 2))
    log(forest, 1)

    found = standing(
        opening("new", 3),
        opening("done", 4),
        opening("held", 5),
        opening("", 6),
        opening("done", 7, body="another"),
    )

    assert found == [
        Standing.OURS,
        Standing.DONE,
        Standing.HELD,
        Standing.OURS,
        Standing.OTHER,
    ]


def test_of_two_that_come_together_one_is_the_first() -> None:
    assert standing(opening("k", 1), opening("k", 2)) == [Standing.OURS, Standing.HELD]


def test_a_few_queries_open_any_number() -> None:
    with CountedQueries() as counted:
        opened(*[opening(f"k{at}", at) for at in range(1, 51)])

    assert counted.most <= 2


class CountedQueries:
    """How many statements were sent inside."""

    def __enter__(self) -> CountedQueries:
        self.most = 0
        self._wrapped = connection.execute_wrapper(self._count)
        self._wrapped.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._wrapped.__exit__(None, None, None)

    def _count(self, execute: Callable[..., object], *rest: object) -> object:
        self.most += 1
        return execute(*rest)


# -- looking ---------------------------------------------------------------------------------------


def test_an_unknown_key_stands_for_nothing() -> None:
    assert standings.look(["k"]) == [Found(Standing.GONE)]


def test_looking_takes_nothing() -> None:
    opened(opening("held", 1), opening("gone", 2))
    let_go("gone")

    found = standings.look(["gone", "held", "gone"])

    assert [each.standing for each in found] == [Standing.GONE, Standing.HELD, Standing.GONE]
    assert standing(opening("gone", 3)) == [Standing.AGAIN]


def test_answers_are_in_the_order_of_the_ids_or_not_there(forest: MLAlgorithm) -> None:
    log(forest, 1, 2, 3, 7)

    together, missing, alone = standings.answers_of([[3, 1, 7], [2, 4], [2]])

    assert ['"request_id":3' in together[0], '"request_id":7' in together[2]] == [True, True]
    assert (missing, len(alone)) == ((), 1)


def test_a_thousand_scattered_ids_are_found(forest: MLAlgorithm) -> None:
    ids = list(range(1, 2001, 2))
    log(forest, *ids)

    [texts] = standings.answers_of([ids])

    assert len(texts) == 1000


# -- a place in the queue --------------------------------------------------------------------------


def test_what_is_accepted_has_a_place_that_is_its_takers_for_a_lease(forest: MLAlgorithm) -> None:
    assert standing(opening("", 5, 6, 9, queued=place(forest))) == [Standing.OURS]

    row = Outbox.objects.get()
    assert (row.pk, row.last, row.ids) == (5, 9, [[5, 2], [9, 1]])
    assert outbox.take([10]) == [[]]


def test_a_key_and_a_place_go_together(forest: MLAlgorithm) -> None:
    opened(opening("k", 5, queued=place(forest)))

    assert opened(opening("k", 6, queued=place(forest))) == [Found(Standing.QUEUED, [5])]
    assert standing(opening("k", 7)) == [Standing.QUEUED]
    assert Outbox.objects.count() == 1


def test_so_many_are_queued_and_no_more(forest: MLAlgorithm) -> None:
    asked = [opening(f"k{at}", at, queued=place(forest, 2)) for at in range(1, 4)]

    assert standing(*asked) == [Standing.OURS, Standing.OURS, Standing.FULL]
    assert standing(opening("", 9, queued=place(forest, 2))) == [Standing.FULL]
    assert standing(opening("k3", 10)) == [Standing.AGAIN]  # it may be asked again at once


# -- several processes -----------------------------------------------------------------------------


def in_threads(count: int, work: Callable[[int], None]) -> list[BaseException]:
    failed: list[BaseException] = []

    def guarded(at: int) -> None:
        try:
            work(at)
        except BaseException as error:  # noqa: BLE001  # told to the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return failed


@pytest.mark.django_db(transaction=True)
def test_of_all_who_ask_at_once_one_is_the_first() -> None:
    found: list[tuple[str, Standing]] = []
    ready = threading.Barrier(4)

    def ask(at: int) -> None:
        for turn in range(15):
            keys = [f"k{turn}-{number}" for number in range(5)]
            if at % 2:
                keys.reverse()
            asked = [opening(key, 1 + at + 4 * n) for n, key in enumerate(keys)]
            ready.wait(20)
            found.extend(zip(keys, _standing_alone(asked), strict=True))

    assert in_threads(4, ask) == []

    assert len(found) == 4 * 15 * 5
    firsts = Counter(key for key, each in found if each is Standing.OURS)
    assert set(firsts.values()) == {1}
    assert len(firsts) == 75
    assert {each for _, each in found} == {Standing.OURS, Standing.HELD}


@pytest.mark.django_db(transaction=True)
def test_of_all_who_take_over_at_once_one_does() -> None:
    opened(*[opening(f"k{at}", 1 + at) for at in range(20)])
    for at in range(20):
        let_go(f"k{at}")
    found: list[Standing] = []

    def ask(at: int) -> None:
        for turn in range(20):
            found.extend(_standing_alone([opening(f"k{turn}", 100 + at * 20 + turn)]))

    assert in_threads(4, ask) == []

    assert Counter(found) == {Standing.AGAIN: 20, Standing.HELD: 60}
    assert MLRequest.objects.count() == 0


def _standing_alone(asked: Sequence[Opening]) -> list[Standing]:
    """As the ledger of a process asks."""
    entries: Any = [ledger._Entry(receipts.open_all, each) for each in asked]
    ledger._write(entries)
    return [entry.answer.standing for entry in entries]
