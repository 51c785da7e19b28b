"""What the dead had in hand: the parcel runs alone, then each job alone, then it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inference.core import parcels
from inference.core.errors import ModelError
from inference.core.parcels import GROUP
from inference.core.types import Outcome
from inference.engine import quarantine
from inference.engine.intake import FATAL
from inference.engine.pump import Pump
from inference.engine.remote import RemoteEngine
from tests.engine.pair import (
    Gate,
    Log,
    Worker,
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

DEADLY = 0.875


class Fate:
    """What became of workers: those that meet the deadly value end, without a word."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.jobs = place.keys.jobs(FOREST.id)
        self.suspects = place.keys.suspects(FOREST.id)
        self.log = Log()

    def dies_with(self, stream: str, worker: str) -> list[bytes]:
        """A worker of that name reads what is there, and is heard of no more."""
        found = list(self.place.read(stream, worker))
        self.place.age(stream)
        return found

    def dies_again(self, stream: str, worker: str) -> None:
        """Another one claims it and is heard of no more."""
        self.place.call("XAUTOCLAIM", stream, GROUP, worker, 5000, "0-0")
        self.place.age(stream)


@pytest.fixture
def fate(place: Place, monkeypatch: pytest.MonkeyPatch) -> Fate:
    monkeypatch.setattr(quarantine, "LOOK", 0.01)
    return Fate(place)


@asynccontextmanager
async def known_but_silent(place: Place) -> AsyncIterator[Worker]:
    """Beats, so that jobs are sent, and neither reads nor looks for the dead."""
    async with working(place) as worker:
        worker.pump._supervisor.stop()
        worker.pump._quarantine.close()
        for stream in worker.pump.station.streams(FOREST.id):
            if not place.call("EXISTS", stream):
                place.group(stream)
        yield worker


async def sent(engine: RemoteEngine, *values: float) -> list[asyncio.Future[Outcome]]:
    """One parcel with a job for each value."""
    answers = [engine.submit(job(part(value))) for value in values]
    await until(lambda: all(each.entry for each in engine._book))
    return answers


async def test_a_parcel_of_the_dead_runs_alone_and_is_answered_once(fate: Fate) -> None:
    place, model = fate.place, Echo(FOREST.id)
    async with known_but_silent(place), sending(place) as engine:
        tickets = [part(0.25), part(0.5)]
        answers = [engine.submit(job(each)) for each in tickets]
        await until(lambda: fate.dies_with(fate.jobs, "dead"))
        async with working(place, models(model), fate.log) as heir:
            await asyncio.gather(*answers)

            assert [said(each) for each in tickets] == [[0.25], [0.5]]
            assert model.seen == [2]
            assert ("alone", FOREST.id) in heir.engine.stats().lanes
            assert place.ids(fate.jobs) == []
    assert sorted(fate.log.rows) == sorted(i for each in tickets for i in each.ids)


async def test_all_that_the_dead_had_in_hand_is_taken_over(fate: Fate) -> None:
    place, model = fate.place, Echo(FOREST.id)
    async with known_but_silent(place), sending(place) as engine:
        answers = await one_parcel_each(engine, 12)
        fate.dies_with(fate.jobs, "dead")
        async with working(place, models(model), fate.log):
            await asyncio.gather(*answers)

    assert model.seen == [1] * 12, "none of them shares a batch with another"


async def test_after_a_second_death_each_job_runs_alone(fate: Fate) -> None:
    place, model = fate.place, Echo(FOREST.id)
    async with known_but_silent(place), sending(place) as engine:
        answers = await sent(engine, 0.25, 0.5, 0.75)
        fate.dies_with(fate.jobs, "first")
        fate.dies_again(fate.jobs, "second")
        async with working(place, models(model), fate.log):
            await asyncio.gather(*answers)

            assert model.seen == [1, 1, 1]
            assert place.ids(fate.jobs) == place.ids(fate.suspects) == []
            assert int(place.call("GET", place.keys.rows(FOREST.id))) == 0
    assert (len(fate.log.rows), fate.log.again) == (3, 0)


async def test_those_that_are_held_are_not_looked_for_in_their_parcel(fate: Fate) -> None:
    place = fate.place
    async with known_but_silent(place), sending(place) as engine:
        answers = await sent(engine, 0.25, 0.5)
        fate.dies_with(fate.jobs, "first")
        fate.dies_again(fate.jobs, "second")
        async with working(place, {}) as splitter:
            (entry,) = place.ids(fate.jobs)
            found = place.call("XRANGE", fate.jobs, entry, entry)[0][1][b"p"]
            held = quarantine.open_entry(FOREST.id, fate.jobs, entry, found)
            assert held is not None
            held.to = parcels.opened(found).to
            await splitter.pump._quarantine._split(held)
            await until(lambda: all(each.held for each in engine._book))
            looks = engine._look._looks
            await until(lambda: engine._look._looks > looks + 2)

            assert engine._look.lost == 0
            assert not any(each.done() for each in answers)


async def test_a_third_death_ends_the_job_with_an_error_that_is_logged(fate: Fate) -> None:
    place, model = fate.place, Echo(FOREST.id)
    async with known_but_silent(place), sending(place) as engine:
        ticket = part(0.5)
        answer = engine.submit(job(ticket))
        await until(lambda: fate.dies_with(fate.jobs, "first"))
        fate.dies_again(fate.jobs, "second")
        fate.dies_again(fate.jobs, "third")
        async with working(place, models(model), fate.log) as heir:
            await answer

            assert (heir.pump.intake.dead, model.seen) == (1, [])
    assert isinstance(ticket.errors[0], ModelError)
    assert ticket.errors[0].message == FATAL
    (row,) = fate.log.rows.values()
    assert (row.id, row.error_code) == (ticket.ids[0], "model_error")


async def test_a_suspect_that_ends_its_worker_is_given_up_and_the_innocent_are_answered(
    fate: Fate, gate: Gate
) -> None:
    place = fate.place
    async with known_but_silent(place), sending(place) as engine:
        answers = await sent(engine, 0.25, DEADLY, 0.5)
        fate.dies_with(fate.jobs, "first")
        fate.dies_again(fate.jobs, "second")
        gate.value = DEADLY
        async with working(place, models(slow(gate)), fate.log):
            await until(lambda: gate.entered)  # and it never comes back
        place.age(fate.suspects)
        async with working(place, models(Echo(FOREST.id)), fate.log):
            await asyncio.gather(*answers)

        errors = [row.error_code for _, row in sorted(fate.log.rows.items())]
        assert errors == ["", "model_error", ""]
        assert fate.log.again == 0


async def test_the_living_are_never_relieved(fate: Fate) -> None:
    place = fate.place
    async with known_but_silent(place) as holder, sending(place) as engine:
        (answer,) = await sent(engine, 0.5)
        (entry,) = place.read(fate.jobs, holder.name)
        place.age(fate.jobs, milliseconds=quarantine.DEAD_AFTER // 2)
        async with working(place) as other:
            for _ in range(5):
                await other.pump._quarantine._take_over(FOREST.id)

        assert place.pending(fate.jobs) == {entry: (holder.name.encode(), 1)}
        assert not answer.done()


async def test_what_cannot_be_read_is_thrown_away(fate: Fate) -> None:
    place = fate.place
    async with working(place):
        await until(lambda: place.call("EXISTS", fate.jobs))
        for stream in (fate.jobs, fate.suspects):
            place.call("XADD", stream, "*", "p", b"\xc1")
        await until(lambda: place.pending(fate.jobs))
        place.age(fate.jobs)

        await until(lambda: not (place.ids(fate.jobs) or place.ids(fate.suspects)))
        assert place.pending(fate.jobs) == place.pending(fate.suspects) == {}


async def test_what_one_has_in_hand_oneself_is_not_begun_again(fate: Fate) -> None:
    place, model = fate.place, Echo(FOREST.id)
    async with known_but_silent(place) as worker, sending(place) as engine:
        (answer,) = await sent(engine, 0.5)
        worker.pump.serve(models(model))
        (entry,) = place.read(fate.jobs, worker.name).items()
        worker.pump._take(FOREST.id, fate.jobs, [entry])
        place.age(fate.jobs)
        await worker.pump._quarantine._take_over(FOREST.id)
        await answer

        assert model.seen == [1]


async def test_a_model_that_is_served_no_more_is_nobodys_to_run(fate: Fate) -> None:
    place, trees = fate.place, distant(served(TREES, Echo(TREES.id)))
    async with known_but_silent(place) as worker, sending(place) as engine:
        engine.submit(job(part(0.5, of=trees)))
        stream = place.keys.jobs(TREES.id)
        await until(lambda: place.ids(stream))
        (entry_id,) = place.ids(stream)
        found = place.call("XRANGE", stream, "-", "+")[0][1][b"p"]
        entry = quarantine.open_entry(TREES.id, stream, entry_id, found)
        assert entry is not None
        worker.pump.serve(models(Echo(FOREST.id)))
        pump: Pump = worker.pump
        await pump.run_alone(entry)
        await pump.give_up(entry)

        assert (len(pump.hand), pump.intake.dead) == (0, 0)


async def test_groups_that_are_gone_are_made_again(fate: Fate) -> None:
    place = fate.place
    async with working(place) as worker:
        await until(lambda: place.call("EXISTS", fate.suspects))
        worker.pump._supervisor.stop()
        place.call("XGROUP", "DESTROY", fate.suspects, GROUP)

        await until(lambda: place.call("XINFO", "GROUPS", fate.suspects))


async def test_the_dead_are_looked_for_again_when_redis_is_back(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(quarantine, "LOOK", 0.01)
    caplog.set_level("DEBUG", "inference.engine.quarantine")
    fate = Fate(server.place)
    async with working(server.place) as worker:
        await until(lambda: server.place.call("EXISTS", fate.suspects))
        worker.pump._supervisor.stop()
        server.kill()
        await until(lambda: "the dead were not looked for" in caplog.text)
        server.start()
        await until(lambda: server.place.call("EXISTS", fate.suspects))
        server.configure("maxmemory", "1")
        server.place.forget()
        await until(lambda: "no groups yet" in caplog.text)
        server.configure("maxmemory", "0")
        await until(lambda: server.place.call("EXISTS", fate.suspects))
        server.place.call("DEL", fate.suspects)
        server.place.call("SET", fate.suspects, "text")

        await until(lambda: "the dead cannot be looked for" in caplog.text)
        assert worker.pump._quarantine._supervisor.restarts == 0
