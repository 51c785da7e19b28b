"""The short way keeps the rules of the data plane, and gives its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference import gateway as door
from inference.access import Access
from inference.core.types import LogMode
from inference.dataplane.express import Express
from inference.dataplane.http import DataPlane
from tests.dataplane.test_http import JSON, KEY, PATH, Call
from tests.inference.gateways import World, gateway, world


@pytest.fixture
async def one() -> AsyncIterator[World]:
    """Its gateway is the process's, and has ids."""
    found = world(LogMode.STRICT)
    async with gateway(found) as gate:
        door.install(gate)
        await Call().through(plane(found))
        yield found
        door.install(None)


async def nobody(*_: Any) -> None:
    pytest.fail("the fallback was asked")


def plane(one: World, *, is_open: bool = True) -> DataPlane:
    return DataPlane(nobody, Access(lambda: one.snapshot, is_open=is_open), max_body=1000)


async def answered(express: Express, call: Call, url: str = PATH) -> tuple[int, Any] | None:
    begun = express.begin(call.scope, url.encode(), call.body)
    if begun is None:
        return None
    await asyncio.wait([begun.done], timeout=5)
    status, body, _ = express.answer(begun)
    return status, json.loads(body)


BODIES = [
    b'{"a": 0.75, "b": "x"}',
    b'[{"a": 0.75}, {"a": "no"}]',
    b'{"a": "no"}',
    b"[]",
    b"{",
    b'{"a": 1, "a": 2}',
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "query", ["", "?subject=ann", "?strict=1", "?status=testing", "?version=9"]
)
async def test_both_ways_give_the_same_answer(one: World, body: bytes, query: str) -> None:
    whole = plane(one)
    short = await answered(Express(whole), Call(body), f"{PATH}{query}")
    usual = Call(body, query=query[1:].encode())
    await usual.through(whole)

    assert short is not None
    assert short[0] == usual.status
    assert without_ids(short[1]) == without_ids(usual.answer)


def without_ids(said: Any) -> Any:
    if isinstance(said, list):
        return [without_ids(each) for each in said]
    return {name: value for name, value in said.items() if name != "request_id"}


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/api/v1/e%20/predict", [JSON]),
        ("/api/v1/e/other", [JSON]),
        ("/api/v1/e/f/predict", [JSON]),
        (PATH, []),
        (PATH, [JSON, (b"idempotency-key", b"a")]),
        (PATH, [JSON, (b"prefer", b"respond-async")]),
        (f"{PATH}?wait=0", [JSON]),
    ],
)
async def test_what_needs_more_goes_the_usual_way(
    one: World, url: str, headers: list[tuple[bytes, bytes]]
) -> None:
    assert await answered(Express(plane(one)), Call(headers=headers), url) is None


async def test_who_shows_no_good_key_is_refused(one: World) -> None:
    express = Express(plane(one, is_open=False))
    wrong = (b"authorization", f"Api-Key {KEY.text}".encode())

    assert await answered(express, Call()) is None  # Django knows sessions
    found = await answered(express, Call(headers=[JSON, wrong]))
    assert found is not None
    assert (found[0], found[1]["code"]) == (401, "unauthorized")


async def test_a_strange_host_goes_the_usual_way(one: World) -> None:
    call = Call()
    scope = call.scope | {"headers": [(b"host", b"evil.example"), JSON]}

    assert Express(plane(one)).begin(scope, PATH.encode(), call.body) is None


async def test_before_there_are_ids_the_usual_way_waits_for_them(one: World) -> None:
    async with gateway(one) as gate:
        door.install(gate)
        assert await answered(Express(plane(one)), Call()) is None


async def test_nothing_is_taken_once_it_is_closed(one: World) -> None:
    express = Express(plane(one))
    before = express.may_take(b"POST", PATH.encode())
    express.closed = True

    assert (before, express.may_take(b"POST", PATH.encode())) == (True, False)
