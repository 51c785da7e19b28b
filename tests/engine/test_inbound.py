"""Replies are read as they come, whatever is among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from inference.core import parcels
from inference.core.errors import Draining
from inference.core.parcels import Result
from inference.engine.book import Book, Sent
from inference.engine.inbound import Inbound
from tests.engine.pair import part, until
from tests.queues import Place, Server


class Mailbox:
    """An inbound, its book, and the list that it reads."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.key = place.keys.replies("web")
        self.book = Book()
        self.link = place.link(4.0)
        self.back = Inbound(self.link, self.key, self.book)

    def enter(self) -> Sent:
        return self.book.enter(part(0.5), asyncio.get_running_loop().time() + 20)

    def reply(self, *found: bytes) -> None:
        self.place.call("RPUSH", self.key, *found)


@asynccontextmanager
async def mailbox(place: Place) -> AsyncIterator[Mailbox]:
    box = Mailbox(place)
    try:
        yield box
    finally:
        box.back.close()
        for sent in box.book:
            sent.answer.cancel()
        box.book.close(Draining)
        await box.link.close()


def said(sent: Sent, text: str = "x") -> bytes:
    return parcels.reply([Result(sent.number, [text], {})])


async def test_replies_reach_those_who_wait(place: Place) -> None:
    async with mailbox(place) as box:
        jobs = [box.enter() for _ in range(3)]
        box.reply(said(jobs[1], "b"), parcels.reply([Result(jobs[0].number, ["a"], {})]))

        await asyncio.gather(jobs[0].answer, jobs[1].answer)

        assert [list(sent.part.texts) for sent in jobs] == [["a"], ["b"], []]
        assert place.call("EXISTS", box.key) == 0


async def test_what_waited_for_us_is_read_at_once_and_in_order(place: Place) -> None:
    place.call("RPUSH", place.keys.replies("web"), *[parcels.reply([]) for _ in range(200)])
    async with mailbox(place) as box:
        sent = box.enter()
        box.reply(said(sent))

        await sent.answer
        assert place.call("EXISTS", box.key) == 0


async def test_an_answer_for_nobody_is_counted_and_dropped(place: Place) -> None:
    async with mailbox(place) as box:
        sent = box.enter()
        box.reply(parcels.reply([Result(999, ["x"], {})]), said(sent), said(sent, "again"))

        await until(lambda: box.book.late == 2)
        assert list(sent.part.texts) == ["x"]


@pytest.mark.parametrize("noise", [b"", b"\xc1", b"\x90", parcels.parcel("web", [])])
async def test_a_garbled_reply_costs_nobody_else_his(place: Place, noise: bytes) -> None:
    async with mailbox(place) as box:
        sent = box.enter()
        box.reply(noise, said(sent))

        await sent.answer
        assert (box.back.garbled, box.back.alive) == (1, True)


async def test_jobs_that_are_held_are_known_to_be(place: Place) -> None:
    async with mailbox(place) as box:
        sent = box.enter()
        box.reply(parcels.reply([], [sent.number]))

        await until(lambda: sent.held)
        assert not sent.gone


async def test_a_key_that_is_no_list_is_tried_again(place: Place) -> None:
    place.call("SET", place.keys.replies("web"), "text")
    async with mailbox(place) as box:
        sent = box.enter()
        await until(calls_grow(place))
        place.call("DEL", box.key)
        box.reply(said(sent))

        await sent.answer


def calls_grow(place: Place) -> Callable[[], bool]:
    """Whether somebody has tried to read a list since."""
    start = tries(place)
    return lambda: tries(place) > start


def tries(place: Place) -> int:
    found = place.client.info("commandstats").get("cmdstat_blmpop", {"calls": 0})
    return int(found["calls"])


async def test_replies_go_on_through_a_redis_that_was_away(server: Server) -> None:
    async with mailbox(server.place) as box:
        sent, later = box.enter(), box.enter()
        box.reply(said(sent))
        await sent.answer
        server.kill()
        server.start()
        box.reply(said(later))

        await later.answer
        assert box.back.alive
