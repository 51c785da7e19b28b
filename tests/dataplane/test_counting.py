"""What the doors count: each request once, under who answered and how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference import calls
from inference import gateway as door
from inference.core.census import Requests
from inference.core.errors import ModelRejectedRow
from inference.core.types import LogMode
from inference.dataplane.express import Express
from tests.consumers.test_predict import client
from tests.dataplane.test_express import answered
from tests.dataplane.test_http import JSON, KEY, Call, plane
from tests.inference.gateways import Echo, World, gateway, world

OK = ("e", "1.0", "forest", "ok")


@pytest.fixture
async def one(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world whose gateway is the process's, and doors that have counted nothing."""
    for name, transport in (("REST", "rest"), ("WEBSOCKET", "ws")):
        monkeypatch.setattr(calls, name, Requests(transport))
    found = world(LogMode.STRICT, Echo(1, fails=refuse_twos))
    async with gateway(found) as gate:
        door.install(gate)
        calls.install(lambda name: name == "e")
        yield found
        calls.install(lambda _: False)
        door.install(None)


def refuse_twos(tensors: Any) -> None:
    if (tensors[0][:, 0] == 2).any():
        raise ModelRejectedRow


def counted(door: Requests) -> dict[tuple[str, ...], int]:
    return {
        (asked.model, asked.version, asked.variant, asked.outcome): seconds.count
        for asked, seconds in door.series()
    }


async def test_answers_and_refusals_are_told_apart(one: World) -> None:
    for body in (b'{"a": 0.5}', b'{"a": 0.6}', b'{"a": 2}', b'{"a": "x"}', b"{"):
        await Call(body).through(plane(one))
    await Call(b'[{"a": 0.5}, {"a": "x"}]').through(plane(one))
    assert counted(calls.REST) == {
        OK: 2,
        ("e", "1.0", "forest", "model_rejected_row"): 1,
        ("e", "1.0", "forest", "row_invalid"): 1,
        ("e", "1.0", "forest", "partial"): 1,
        ("e", "", "", "json_invalid"): 1,
    }


async def test_a_name_that_a_caller_made_up_is_no_label(one: World) -> None:
    for number in range(5):
        await Call(path=f"/api/v1/made-up-{number}/predict").through(plane(one))
    assert counted(calls.REST) == {("", "", "", "not_served"): 5}


async def test_who_may_not_ask_and_who_hangs_up_are_counted(one: World) -> None:
    wrong = (b"authorization", f"Api-Key {KEY.text}x".encode())
    await Call(headers=[JSON, wrong]).through(plane(one, is_open=False))

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pytest.fail("nobody is there")

    await plane(one)(Call().scope, receive, send)
    assert counted(calls.REST) == {
        ("e", "", "", "unauthorized"): 1,
        ("e", "", "", "gone"): 1,
    }


@pytest.mark.parametrize("body", [b'{"a": 0.5}', b'{"a": 2}', b'[{"a": 1}, {"a": "x"}]', b"{"])
async def test_the_short_way_counts_as_the_usual_one_does(one: World, body: bytes) -> None:
    await Call(body).through(plane(one))
    usual = counted(calls.REST)
    assert await answered(Express(plane(one)), Call(body)) is not None
    assert counted(calls.REST) == dict.fromkeys(usual, 2)


async def test_frames_are_counted_as_requests_are(one: World) -> None:
    somebody = client(one)
    await somebody.connect()
    await somebody.hears()
    for frame in ({"record": {"a": 0.5}}, {"record": {"a": "x"}}, {"rows": [[0.5, "x"]]}, {}):
        await somebody.says(id=1, **frame)
        await somebody.hears()
    await somebody.disconnect()
    assert counted(calls.WEBSOCKET) == {
        OK: 2,
        ("e", "1.0", "forest", "row_invalid"): 1,
        ("e", "", "", "frame_invalid"): 1,
    }
    assert counted(calls.REST) == {}
