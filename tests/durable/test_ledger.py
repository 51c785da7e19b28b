"""One transaction for all that came meanwhile, and each is told what became of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from django.db import DatabaseError, OperationalError, connection

from inference.core.errors import StorageUnavailable
from inference.durable.ledger import Ledger
from inference.models import IdBlock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def open_ledger() -> AsyncIterator[Ledger]:
    one = Ledger()
    yield one
    await one.drain(asyncio.get_running_loop().time() + 5)
    one.close()


async def test_what_comes_together_is_asked_together(open_ledger: Ledger) -> None:
    calls: list[int] = []

    def doubled(numbers: Sequence[int]) -> list[int]:
        calls.append(len(numbers))
        return [2 * number for number in numbers]

    def negative(numbers: Sequence[int]) -> list[int]:
        return [-number for number in numbers]

    asked = [open_ledger.call(negative if n % 2 else doubled, n) for n in range(101)]
    answers = await asyncio.gather(*asked)

    assert answers == [-n if n % 2 else 2 * n for n in range(101)]
    assert len(calls) <= 2


async def test_what_fails_alone_is_told_alone_and_leaves_nothing(open_ledger: Ledger) -> None:
    def written(names: Sequence[str]) -> list[str]:
        for name in names:
            IdBlock.objects.create(name=name)
        if "bad" in names:
            raise DatabaseError("no")
        return list(names)

    asked = [open_ledger.call(written, name) for name in ("a", "bad", "c")]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [answers[0], type(answers[1]), answers[2]] == ["a", StorageUnavailable, "c"]
    names = await open_ledger.call(_names, "")
    assert names == ["a", "c"]


def _names(asked: Sequence[str]) -> list[list[str]]:
    names = IdBlock.objects.exclude(name="mlrequest").order_by("name")
    return [list(names.values_list("name", flat=True))] * len(asked)


async def test_who_was_ended_for_the_sake_of_another_tries_again(open_ledger: Ledger) -> None:
    turns = 0

    def beaten(asked: Sequence[int]) -> list[int]:
        nonlocal turns
        turns += 1
        if turns < 3:
            raise OperationalError("deadlock")
        return list(asked)

    assert await open_ledger.call(beaten, 7) == 7


async def test_a_connection_that_broke_is_replaced(open_ledger: Ledger) -> None:
    def broken(asked: Sequence[int]) -> list[int]:
        connection.connection.close()
        IdBlock.objects.count()
        return list(asked)

    def fine(asked: Sequence[int]) -> list[int]:
        IdBlock.objects.count()
        return list(asked)

    with pytest.raises(StorageUnavailable):
        await open_ledger.call(broken, 1)

    assert await open_ledger.call(fine, 2) == 2
