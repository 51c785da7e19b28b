"""Jobs become parcels: together what came together, not too much, though Redis may be away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from inference.core import parcels
from inference.core.errors import ModelError, Overloaded, QueueUnavailable
from inference.core.rows import JsonRows
from inference.core.tickets import Part
from inference.engine import outbound
from inference.engine.book import Book, Sent
from inference.engine.outbound import Outbound, Post
from tests.engine.crowd import turns
from tests.engine.pair import STREAM, distant, part, until
from tests.inference.gateways import TREES, Echo, served
from tests.queues import Place, Server


class Desk:
    """An outbound with its book, and what it sent so far."""

    def __init__(self, place: Place, parcel_rows: int, queue_rows: int) -> None:
        self.place = place
        self.link = place.link()
        self.book = Book()
        post = Post(place.keys, "there", parcel_rows, queue_rows)
        self.out = Outbound(self.link, post, self.book, {STREAM: 6.0}.__getitem__)

    def put(self, ticket: Part, patience: float = 20.0) -> Sent:
        sent = self.book.enter(ticket, asyncio.get_running_loop().time() + patience)
        self.out.put(sent)
        return sent

    def sent(self, model: int = STREAM) -> list[list[int]]:
        """The numbers of the jobs, parcel by parcel."""
        found = self.place.call("XRANGE", self.place.keys.jobs(model), "-", "+")
        return [[i.number for i in parcels.opened(fields[b"p"]).items] for _, fields in found]

    async def settled(self, jobs: Sequence[Sent]) -> list[BaseException | None]:
        await until(lambda: all(each.entry or each.gone for each in jobs))
        return [each.answer.exception() if each.gone else None for each in jobs]


@asynccontextmanager
async def desk(place: Place, parcel_rows: int = 256, queue_rows: int = 8192) -> AsyncIterator[Desk]:
    one = Desk(place, parcel_rows, queue_rows)
    try:
        yield one
    finally:
        one.out.close()
        for sent in one.book:
            sent.answer.cancel()
        await one.link.close()


async def test_jobs_of_one_moment_travel_together(place: Place) -> None:
    async with desk(place) as one:
        jobs = [one.put(part(n / 8)) for n in range(8)]

        assert await one.settled(jobs) == [None] * 8
        assert one.sent() == [[1, 2, 3, 4, 5, 6, 7, 8]]
        assert {each.entry for each in jobs} == set(place.ids(place.keys.jobs(STREAM)))
        assert place.call("GET", place.keys.rows(STREAM)) == b"8"


async def test_what_came_while_a_parcel_was_under_way_is_the_next_one(place: Place) -> None:
    async with desk(place) as one:
        async with one.link._turn:
            jobs = [one.put(part(0.5))]
            await turns()
            for _ in range(3):
                jobs.append(one.put(part(0.5)))
                await turns()

        await one.settled(jobs)
        assert one.sent() == [[1], [2, 3, 4]]


async def test_each_model_has_its_stream(place: Place) -> None:
    async with desk(place) as one:
        trees = distant(served(TREES, Echo(TREES.id)))
        jobs = [one.put(part(0.5)), one.put(part(0.5, of=trees)), one.put(part(0.5))]

        await one.settled(jobs)
        assert (one.sent(), one.sent(TREES.id)) == ([[1, 3]], [[2]])


async def test_a_parcel_has_no_more_rows_than_it_may_but_a_job_is_never_cut(place: Place) -> None:
    async with desk(place, parcel_rows=4) as one:
        jobs = [one.put(part(*[0.5] * rows)) for rows in (3, 2, 2, 5, 1)]

        await one.settled(jobs)
        assert one.sent() == [[1], [2, 3], [4], [5]]


async def test_a_parcel_has_no_more_bytes_than_it_may(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A row weighs 10 bytes as it came and 16 as numbers.
    monkeypatch.setattr(outbound, "MOST_BYTES", 60)
    async with desk(place) as one:
        jobs = [one.put(part(*[0.5] * rows)) for rows in (1, 1, 1, 3, 1)]

        await one.settled(jobs)
        assert one.sent() == [[1, 2], [3], [4], [5]]


async def test_when_so_many_rows_wait_in_redis_no_more_are_taken(place: Place) -> None:
    async with desk(place, queue_rows=3) as one:
        taken = one.put(part(0.1, 0.2, 0.3))
        await one.settled([taken])
        refused = [one.put(part(0.5)), one.put(part(0.5))]

        errors = await one.settled(refused)
        assert [type(error) for error in errors] == [Overloaded, Overloaded]
        assert [str(error) for error in errors] == ["3 rows are waiting"] * 2
        assert [error.retry_after for error in errors if isinstance(error, Overloaded)] == [0.5] * 2
        assert one.out.refused == {STREAM: 2}
        assert (len(one.book), one.sent()) == (1, [[1]])


async def test_a_full_redis_refuses_and_takes_again_when_it_has_room(server: Server) -> None:
    async with desk(server.place) as one:
        server.configure("maxmemory", "1")
        refused = one.put(part(0.5))
        (error,) = await one.settled([refused])
        server.configure("maxmemory", "0")
        taken = one.put(part(0.5))

        assert isinstance(error, Overloaded)
        assert await one.settled([taken]) == [None]
        assert one.out.healthy


async def test_a_stream_that_is_none_costs_only_those_who_need_it(place: Place) -> None:
    place.call("SET", place.keys.jobs(TREES.id), "not a stream")
    async with desk(place) as one:
        trees = distant(served(TREES, Echo(TREES.id)))
        jobs = [one.put(part(0.5)), one.put(part(0.5, of=trees))]

        fine, error = await one.settled(jobs)
        assert fine is None
        assert isinstance(error, QueueUnavailable)
        assert error.retry_after == 1.0


async def test_jobs_survive_a_short_absence(server: Server) -> None:
    async with desk(server.place) as one:
        await one.settled([one.put(part(0.5))])
        server.kill()
        jobs = [one.put(part(0.5)), one.put(part(0.5))]
        await until(lambda: not one.out.healthy)
        jobs.append(one.put(part(0.5)))
        server.start()

        assert await one.settled(jobs) == [None] * 3
        assert sorted(n for parcel in one.sent() for n in parcel) == [2, 3, 4]
        assert one.out.healthy


async def test_who_has_waited_for_redis_long_enough_is_told(server: Server) -> None:
    server.kill()
    async with desk(server.place) as one:
        began = asyncio.get_running_loop().time()
        (error,) = await one.settled([one.put(part(0.5))])

        assert isinstance(error, QueueUnavailable)
        assert outbound.PATIENCE <= asyncio.get_running_loop().time() - began < 4.0
        assert one.out.away
        assert len(one.book) == 0


async def test_redis_is_missed_no_more_when_it_is_back_though_nobody_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "PATIENCE", 0.1)
    server.kill()
    async with desk(server.place) as one:
        await one.settled([one.put(part(0.5))])
        await until(lambda: one.out.away)
        server.start()

        await until(lambda: one.out.healthy)
        assert not one.out.away


async def test_a_replica_is_not_what_was_missed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "PATIENCE", 0.1)
    server.place.call("REPLICAOF", "127.0.0.1", server.port)
    async with desk(server.place) as one:
        (error,) = await one.settled([one.put(part(0.5))])
        assert isinstance(error, QueueUnavailable)
        probes = asked(server)
        await until(lambda: asked(server) > probes + 1)
        assert one.out.away
        server.place.call("REPLICAOF", "NO", "ONE")

        await until(lambda: one.out.healthy)


def asked(server: Server) -> int:
    """How many scripts the server would not run."""
    found = server.place.client.info("commandstats")
    return int(found["cmdstat_eval"]["rejected_calls"])


async def test_whoever_hangs_up_before_the_parcel_leaves_is_struck_out(place: Place) -> None:
    async with desk(place) as one:
        async with one.link._turn:
            one.put(part(0.5))
            await turns()
            jobs = [one.put(part(0.5)) for _ in range(3)]
            jobs[1].answer.cancel()

        await until(lambda: jobs[0].entry and jobs[2].entry)
        assert one.sent() == [[1], [2, 4]]
        assert [sent.number for sent in one.book] == [1, 2, 4]


async def test_a_round_of_nothing_but_abandoned_jobs_sends_nothing(place: Place) -> None:
    async with desk(place) as one:
        one.put(part(0.5)).answer.cancel()
        await until(lambda: len(one.book) == 0)

        assert await one.settled([one.put(part(0.5))]) == [None]
        assert one.sent() == [[2]]


class Unspeakable(JsonRows):
    """Rows that cannot be written down."""

    def raw(self, position: int) -> str:
        raise LookupError(position)


async def test_a_job_that_cannot_be_packed_fails_alone(place: Place) -> None:
    async with desk(place) as one:
        rows = Unspeakable([b'{"a": 1}'])
        (error,) = await one.settled([one.put(part(rows=rows))])
        jobs = [one.put(part(0.5)), one.put(part(rows=rows))]
        neighbour, alone = await one.settled(jobs)

        assert [type(each) for each in (error, alone)] == [ModelError, ModelError]
        assert neighbour is None
