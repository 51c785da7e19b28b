"""Bodies are read whole or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inference.core.errors import (
    JsonInvalid,
    Overloaded,
    TooLarge,
    TooSlow,
    UnsupportedEncoding,
)
from inference.dataplane import body as module
from inference.dataplane.body import Bodies, Gone, replayed


def arriving(*messages: dict[str, Any]) -> Any:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else {"type": "http.disconnect"}

    return receive


def piece(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


async def test_pieces_become_one_body() -> None:
    receive = arriving(piece(b"a", more=True), piece(b"b", more=True), piece(b"c"))

    assert await Bodies(3, 5.0).read(receive) == b"abc"


@pytest.mark.parametrize("pieces", [[piece(b"abcd")], [piece(b"ab", more=True), piece(b"cd")]])
async def test_a_byte_too_many_is_too_many(pieces: list[dict[str, Any]]) -> None:
    with pytest.raises(TooLarge):
        await Bodies(3, 5.0).read(arriving(*pieces))


async def test_who_hangs_up_in_between_is_gone() -> None:
    with pytest.raises(Gone):
        await Bodies(3, 5.0).read(arriving(piece(b"a", more=True)))


async def test_no_piece_that_comes_buys_more_time() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return piece(b"a", more=True)

    with pytest.raises(TooSlow):
        await Bodies(1_000_000, 0.1).read(receive)


async def test_bodies_that_are_partly_here_hold_so_much_together_and_no_more() -> None:
    bodies, let = Bodies(10, 5.0, most_held=0), asyncio.Event()

    def slow() -> Any:
        left = [piece(b"x" * 10, more=True)]

        async def receive() -> dict[str, Any]:
            if left:
                return left.pop()
            await let.wait()
            return piece(b"")

        return receive

    reading = [asyncio.ensure_future(bodies.read(slow())) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await bodies.read(arriving(piece(b"x", more=True), piece(b"x")))
    assert await bodies.read(arriving(piece(b"whole"))) == b"whole"
    let.set()
    await asyncio.gather(*reading)

    assert await bodies.read(arriving(piece(b"x", more=True), piece(b"x"))) == b"xx"


async def test_who_reads_after_us_reads_the_same_and_then_what_follows() -> None:
    receive = replayed(b"abc", arriving())

    assert await receive() == piece(b"abc")
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [(b"12", 12), (b"", 0), (b"-1", 0), (b"x", 0), (b"9" * 19, 10**19 - 1), (b"9" * 5000, 0)],
)
def test_a_length_is_what_can_be_one(said: bytes, meant: int) -> None:
    assert module.length({b"content-length": said}) == meant


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"content-encoding": b"identity"},
        {b"content-encoding": b" Identity "},
        {b"content-type": b"application/json"},
        {b"content-type": b'application/json; charset="UTF-8"; x=y'},
        {b"content-type": b"text/x; charset=utf8"},
    ],
)
def test_what_is_plain_is_read(headers: dict[bytes, bytes]) -> None:
    assert module.unreadable(headers) is None


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({b"content-encoding": b"gzip"}, UnsupportedEncoding),
        ({b"content-encoding": b"identity, gzip"}, UnsupportedEncoding),
        ({b"content-type": b"application/json; charset=utf-16"}, JsonInvalid),
        ({b"content-type": b"application/json; charset*=bz2_codec''x"}, JsonInvalid),
        ({b"content-type": b"application/x-www-form-urlencoded;charset=idna"}, UnsupportedEncoding),
    ],
)
def test_what_is_wrapped_is_not(headers: dict[bytes, bytes], error: type[Exception]) -> None:
    assert isinstance(module.unreadable(headers), error)
