"""The data plane tells who asks again, and what only Django reads the same way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from inference import gateway, keys
from inference.access import Access
from inference.dataplane.http import DataPlane
from inference.durable import door
from inference.registry import Key
from tests.dataplane.test_http import JSON, Call, teapot
from tests.durable.lives import Life, Shared, database, logged, process, shared

pytestmark = pytest.mark.django_db(transaction=True)
ANN, BOB = keys.make(), keys.make()
NAME = (b"idempotency-key", b"k")


@pytest.fixture
def one() -> Shared:
    found = shared()
    known = {
        made.prefix: Key(made.hashed, "robot", frozenset({"predict"}), None) for made in (ANN, BOB)
    }
    found.snapshot = replace(found.snapshot, keys=known)
    return found


@pytest.fixture
async def life(one: Shared) -> AsyncIterator[Life]:
    async with process(one) as found:
        gateway.install(found.gateway)
        door.install(found.durable)
        yield found
        gateway.install(None)
        door.install(None)


def plane(one: Shared, *, is_open: bool = False) -> DataPlane:
    return DataPlane(teapot, Access(lambda: one.snapshot, is_open=is_open), max_body=1000)


def call(made: keys.NewKey, *headers: tuple[bytes, bytes], query: bytes = b"") -> Call:
    key = (b"authorization", f"Api-Key {made.text}".encode())
    return Call(headers=[JSON, key, *headers], query=query)


async def test_keys_of_two_callers_never_meet(one: Shared, life: Life) -> None:
    calls = [await call(made, NAME).through(plane(one)) for made in (ANN, BOB, ANN)]

    assert [each.status for each in calls] == [200, 200, 200]
    assert [b"Idempotency-Replayed" in each.answer_headers for each in calls] == [
        False,
        False,
        True,
    ]
    assert calls[2].sent[1] == calls[0].sent[1]
    assert len(await database(logged)) == 2


async def test_in_the_open_profile_all_are_one_caller(one: Shared, life: Life) -> None:
    calls = [await call(made, NAME).through(plane(one, is_open=True)) for made in (ANN, BOB)]

    assert calls[0].answer == calls[1].answer
    assert len(await database(logged)) == 1


async def test_headers_that_come_twice_are_for_django_to_join(one: Shared, life: Life) -> None:
    twice = [
        (NAME, (b"idempotency-key", b"l")),
        ((b"prefer", b"respond-async"), (b"prefer", b"wait=5")),
    ]

    assert [(await call(ANN, *each).through(plane(one))).status for each in twice] == [418, 418]


async def test_what_is_accepted_says_where_it_will_be(one: Shared, life: Life) -> None:
    accepted = await call(ANN, query=b"wait=0").through(plane(one))

    where = accepted.answer_headers[b"Location"].decode()
    assert (accepted.status, accepted.answer["status"]) == (202, "queued")
    assert where == f"/api/v1/mlrequests/{accepted.answer['request_id']}"
    await life.durable.answered([accepted.answer["request_id"]])


async def test_where_nothing_is_served_nothing_is_accepted(one: Shared) -> None:
    refused = await call(ANN, query=b"wait=0").through(plane(one))

    assert (refused.status, refused.answer["code"]) == (503, "model_unavailable")
