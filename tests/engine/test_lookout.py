"""What Redis lost is sent again, and what it still has or has answered is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inference.core import parcels, presence
from inference.core.errors import Draining
from inference.core.parcels import GROUP
from inference.engine import lookout
from inference.engine.book import Book, Sent
from inference.engine.link import Away
from inference.engine.lookout import Lookout
from tests.engine.pair import (
    Gate,
    Log,
    distant,
    job,
    models,
    one_parcel_each,
    part,
    said,
    sending,
    slow,
    until,
    working,
)
from tests.inference.gateways import FOREST, TREES, Echo, served
from tests.queues import Place, Server


class Post:
    """A lookout over jobs whose parcels lie in Redis, and those it found to be lost."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.book = Book()
        self.link = place.link()
        self.again: list[Sent] = []
        self.look = Lookout(self.link, place.keys, self.book, self.again.append)

    def sent(self, model: int = FOREST.id) -> Sent:
        of = {FOREST.id: FOREST, TREES.id: TREES}[model]
        ticket = part(0.5, of=distant(served(of, Echo(model))))
        sent = self.book.enter(ticket, asyncio.get_running_loop().time() + 20)
        sent.entry = self.place.call("XADD", self.place.keys.jobs(model), "*", "p", "parcel")
        return sent

    async def looked(self, times: int = 4) -> None:
        """Until it has looked so often since."""
        looks = self.look._looks
        await until(lambda: self.look._looks >= looks + times)


@asynccontextmanager
async def post(place: Place) -> AsyncIterator[Post]:
    one = Post(place)
    try:
        yield one
    finally:
        one.look.close()
        for sent in one.book:
            sent.answer.cancel()
        one.book.close(Draining)
        await one.link.close()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "LOOK", 0.01)


# -- what is lost ----------------------------------------------------------------------------------


async def test_what_lies_where_it_was_put_is_left_there(place: Place) -> None:
    async with post(place) as one:
        jobs = [one.sent(), one.sent(TREES.id)]
        await one.looked()

        assert one.again == []
        assert not any(sent.missed for sent in jobs)


async def test_what_is_missing_at_two_looks_is_sent_again_and_the_others_are_not(
    place: Place,
) -> None:
    async with post(place) as one:
        stays, lost, other = one.sent(), one.sent(), one.sent(TREES.id)
        place.call("XDEL", place.keys.jobs(FOREST.id), lost.entry)
        place.call("DEL", place.keys.jobs(TREES.id))
        await until(lambda: len(one.again) == 2)
        await one.looked()

        assert sorted(sent.number for sent in one.again) == [lost.number, other.number]
        assert (lost.entry, other.entry, stays.missed, one.look.lost) == (b"", b"", False, 2)


async def test_one_look_is_not_enough_the_answer_may_be_under_way(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "LOOK", 60.0)
    async with post(place) as one:
        await one.looked(1)
        sent = one.sent()
        place.call("XDEL", place.keys.jobs(FOREST.id), sent.entry)
        await one.look._sweep()
        assert (sent.missed, one.again) == (True, [])
        one.book.settle(parcels.Result(sent.number, ["x"], {}))
        await one.look._sweep()

        assert (one.again, one.look.lost) == ([], 0)


async def test_what_is_held_elsewhere_is_not_looked_for(place: Place) -> None:
    async with post(place) as one:
        sent, meanwhile = one.sent(), one.sent()
        place.call("DEL", place.keys.jobs(FOREST.id))
        sent.held = True
        one.look._miss([meanwhile])
        meanwhile.held = True
        one.look._miss([meanwhile])
        await one.looked()

        assert one.again == []


async def test_what_nobody_waits_for_is_handed_on_to_be_struck_out(place: Place) -> None:
    async with post(place) as one:
        sent = one.sent()
        sent.answer.cancel()
        place.call("DEL", place.keys.jobs(FOREST.id))
        await until(lambda: one.again)

        assert (one.again, one.look.lost) == ([sent], 0)


async def test_a_stream_that_is_none_hides_no_other(place: Place) -> None:
    async with post(place) as one:
        lost, hidden = one.sent(), one.sent(TREES.id)
        place.call("DEL", place.keys.jobs(FOREST.id), place.keys.jobs(TREES.id))
        place.call("SET", place.keys.jobs(TREES.id), "text")
        await until(lambda: one.again)

        assert one.again == [lost]
        assert not hidden.missed


# -- who is there ----------------------------------------------------------------------------------


async def test_redis_is_healthy_as_long_as_it_answers(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "STALE", 0.2)
    async with post(server.place) as one:
        assert not one.look.healthy
        await until(lambda: one.look.healthy)
        server.kill()
        await until(lambda: not one.look.healthy)
        with pytest.raises(Away):
            await one.look.look()
        server.start()

        await until(lambda: one.look.healthy)


async def test_a_redis_that_forgets_is_noticed_and_so_is_one_that_was_mended(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "POLICY_LOOKS", 2)
    async with post(server.place) as one:
        assert not one.look.forgetful
        server.configure("maxmemory-policy", "allkeys-lru")
        await until(lambda: one.look.forgetful)
        assert one.look.policy == "allkeys-lru"
        server.configure("maxmemory-policy", "noeviction")

        await until(lambda: not one.look.forgetful)


async def test_a_word_reaches_the_mail_of_everybody_alive(place: Place) -> None:
    async with working(place) as one, working(place) as other, post(place) as third:
        place.call("HSET", place.keys.workers, "stranger", b"\xc1")
        await third.look.look()
        await third.look.tell("look")

        await until(lambda: one.heard == other.heard == ["look"])
        assert place.call("EXISTS", place.keys.mail("stranger")) == 0
        assert 0 < place.call("TTL", place.keys.mail(one.name)) <= 60


async def test_a_worker_of_another_release_is_no_worker(place: Place) -> None:
    async with post(place) as one:
        place.call("HSET", place.keys.workers, "new", b"\x91\x05", "garbled", b"\xc1")
        await one.looked()
        assert one.look.roster.alive == {}

        async with working(place) as worker:
            place.call("HSET", place.keys.workers, "same", presence.written(worker._beat(3)))
            await one.looked()
            assert set(one.look.roster.alive) == {worker.name, "same"}


# -- with both sides -------------------------------------------------------------------------------


async def test_a_redis_that_comes_back_empty_costs_no_answer(server: Server, gate: Gate) -> None:
    place, log = server.place, Log()
    async with working(place, models(slow(gate)), log) as worker, sending(place) as engine:
        tickets = [part(n / 32) for n in range(32)]
        answers = []
        for ticket in tickets:
            answers.append(engine.submit(job(ticket)))
            await asyncio.sleep(0)
        await until(lambda: worker.pump.hand.rows and all(sent.entry for sent in engine._book))
        place.call("FLUSHALL")
        gate.open()
        await asyncio.gather(*answers)

        assert [said(ticket) for ticket in tickets] == [[n / 32] for n in range(32)]
        assert sorted(log.rows) == sorted(ticket.ids[0] for ticket in tickets)
        assert engine._look.lost == 32
        assert worker.pump.finisher.late > 0


async def test_a_group_that_is_destroyed_under_load_costs_no_answer(
    place: Place, gate: Gate
) -> None:
    log = Log()
    async with working(place, models(slow(gate)), log) as worker, sending(place) as engine:
        answers = await one_parcel_each(engine, 4)
        await until(lambda: worker.pump.hand.rows == 4)
        place.call("XGROUP", "DESTROY", place.keys.jobs(FOREST.id), GROUP)
        gate.open()
        await asyncio.gather(*answers)

        assert (len(log.rows), engine._look.lost) == (4, 0)
        later = part(0.5)
        await engine.submit(job(later))
        assert said(later) == [0.5]


async def test_a_reply_that_was_lost_on_the_way_is_computed_again_and_logged_once(
    place: Place, gate: Gate
) -> None:
    log = Log()
    async with working(place, models(slow(gate)), log), sending(place) as engine:
        ticket = part(0.25)
        answer = engine.submit(job(ticket))
        await until(lambda: gate.entered)
        engine._back.close()
        gate.open()
        await until(lambda: not place.ids(place.keys.jobs(FOREST.id)))
        place.call("DEL", place.keys.replies(engine.name))
        engine._back._supervisor._start()
        await answer

        assert said(ticket) == [0.25]
        assert (len(log.rows), log.again, engine._look.lost) == (1, 1, 1)
