"""Those of one process who write wait for one another in the order in which they came."""

from __future__ import annotations

import threading
from queue import Queue

import pytest
from django.db import connection, transaction

from asgi_project.sqlite import base
from asgi_project.sqlite.base import Turns
from inference.models import Endpoint

PATIENCE = 10.0


def queued(turns: Turns, how_many: int) -> None:
    """Until so many wait: each step of theirs is theirs to take."""
    waiting = threading.Event()
    while len(turns._waiting) < how_many:
        waiting.wait(0.001)


def test_whoever_asked_first_is_served_first() -> None:
    turns, served = Turns(), Queue[int]()
    turns.take(PATIENCE)

    def writer(number: int) -> None:
        assert turns.take(PATIENCE)
        served.put(number)
        turns.give()

    writers = [threading.Thread(target=writer, args=(number,)) for number in range(5)]
    for number, each in enumerate(writers, 1):
        each.start()
        queued(turns, number)
    turns.give()

    assert [served.get(timeout=PATIENCE) for _ in writers] == [0, 1, 2, 3, 4]
    for each in writers:
        each.join(PATIENCE)
    assert turns.take(0.0)


def test_whoever_gave_up_is_not_called() -> None:
    turns = Turns()
    turns.take(PATIENCE)

    assert not turns.take(0.001)
    turns.give()

    assert turns.take(0.0)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_has_its_turn_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Others have a queue of their own.")
    turns = Turns()
    monkeypatch.setattr(base, "_TURNS", turns)

    with transaction.atomic():
        Endpoint.objects.create(name="income", owner="tests")
        assert not turns.take(0.001)
    assert turns.take(0.0)
    turns.give()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert turns.take(0.0)
