"""What is done is said until Redis has heard it, to each web process together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inference.core import parcels
from inference.core.parcels import Result
from inference.engine.finisher import Entry, Finisher
from tests.engine.crowd import turns
from tests.engine.pair import part, until
from tests.queues import Place, Server


class Returns:
    """A finisher, and the parcels it is given."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.link = place.link()
        self.left: list[Entry] = []
        self.finisher = Finisher(self.link, place.keys, self.left.append)

    def entry(self, *numbers: int, to: str = "web", model: int = 1) -> Entry:
        """One that lies in its stream, with all of its jobs done."""
        items = [parcels.item(part(0.5), number, 1.0) for number in numbers]
        stream = self.place.keys.jobs(model)
        name = self.place.call("XADD", stream, "*", "p", parcels.parcel(to, items))
        results = [Result(number, [f"text {number}"], {}) for number in numbers]
        return Entry(model, stream, name, self.place.keys.replies(to), items, results)

    def said(self, to: str = "web") -> list[list[int]]:
        """The numbers of the jobs in each message to that web process."""
        found = self.place.call("LRANGE", self.place.keys.replies(to), 0, -1)
        return [[result.number for result in parcels.received(data).results] for data in found]

    async def empty(self, seconds: float = 5.0) -> bool:
        return await self.finisher.empty(asyncio.get_running_loop().time() + seconds)


@asynccontextmanager
async def returns(place: Place) -> AsyncIterator[Returns]:
    one = Returns(place)
    try:
        yield one
    finally:
        one.finisher.close()
        await one.link.close()


async def test_what_is_done_in_one_turn_is_said_in_one_step_to_everybody(place: Place) -> None:
    async with returns(place) as one:
        entries = [one.entry(1, 2), one.entry(3, to="other"), one.entry(4, model=2)]
        for entry in entries:
            one.finisher.put(entry)

        assert await one.empty()
        assert (one.said(), one.said("other")) == ([[1, 2], [4]], [[3]])
        assert one.left == entries
        assert (one.finisher.late, one.finisher.alive) == (0, True)
        assert place.ids(place.keys.jobs(1)) == []


async def test_an_entry_is_done_when_all_of_its_jobs_are() -> None:
    items = [parcels.item(part(0.5, 0.5), n, 1.0) for n in (1, 2)]
    entry = Entry(1, "s", b"1-0", "web", items)
    assert (entry.rows, entry.done) == (4, False)

    entry.results += [Result(1, [], {}), Result(2, [], {})]

    assert entry.done


async def test_what_somebody_else_finished_is_counted_and_not_said(place: Place) -> None:
    async with returns(place) as one:
        first, second = one.entry(1), one.entry(2)
        place.call("XDEL", first.stream, first.id)
        one.finisher.put(first)
        one.finisher.put(second)

        assert await one.empty()
        assert (one.said(), one.finisher.late, one.left) == ([[2]], 1, [first, second])


async def test_an_answer_waits_for_a_redis_that_is_away_and_is_said_once(server: Server) -> None:
    async with returns(server.place) as one:
        server.kill()
        one.finisher.put(Entry(1, "s", b"1-0", "web", [], []))
        await turns()
        assert not await one.empty(0.1)
        assert one.left == []
        server.start()
        await until(lambda: one.left)
        later = one.entry(7)
        one.finisher.put(later)

        assert await one.empty()
        assert one.said() == [[7]]


async def test_what_was_cut_after_redis_had_heard_it_is_not_said_again(server: Server) -> None:
    async with returns(server.place) as one:
        entry = one.entry(1)
        one.finisher.put(entry)
        await one.empty()
        server.hang_up()
        one.finisher.put(entry)

        assert await one.empty()
        assert (one.said(), one.finisher.late) == ([[1]], 1)


async def test_a_list_that_is_none_costs_nobody_else_his_answer(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.call("SET", place.keys.replies("torn"), "text")
    async with returns(place) as one:
        entries = [one.entry(1, to="torn"), one.entry(2, model=2)]
        for entry in entries:
            one.finisher.put(entry)

        assert await one.empty()
        assert one.said() == [[2]]
        assert one.left == entries
    assert "does not take answers" in caplog.text


async def test_a_finisher_that_dies_says_it_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with returns(place) as one:
        monkeypatch.setattr(parcels, "reply", lambda _: 1 / 0)
        one.finisher.put(one.entry(1))
        await until(lambda: not one.finisher.alive)
        monkeypatch.undo()
        one.finisher.put(one.entry(2))

        assert await one.empty()
        await until(lambda: sorted(n for said in one.said() for n in said) == [1, 2])


async def test_what_stops_it_twice_is_left_to_others(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with returns(place) as one:
        monkeypatch.setattr(parcels, "reply", lambda _: 1 / 0)
        bad = one.entry(1)
        one.finisher.put(bad)
        await until(lambda: one.left == [bad])
        monkeypatch.undo()
        one.finisher.put(one.entry(2))

        assert await one.empty()
        assert one.said() == [[2]]
