"""A worker is known by its beats, which say that it lives and what it looks after."""

from __future__ import annotations

import asyncio

import pytest

from inference.core import presence
from inference.core.parcels import GROUP
from inference.core.presence import Beat, Roster
from inference.engine import pulse
from inference.engine.link import Away
from tests.engine.pair import (
    Gate,
    Worker,
    models,
    one_parcel_each,
    sending,
    slow,
    until,
    working,
)
from tests.inference.gateways import FOREST, Echo
from tests.queues import Place, Server


async def test_two_workers_count_under_two_numbers(place: Place) -> None:
    async with working(place) as one, working(place) as other:
        assert (one.pulse.shard, other.pulse.shard) == (0, 1)
        assert place.call("GET", place.keys.shard(1)) == other.name.encode()

        await one.pulse.stop()
        async with working(place) as third:
            assert third.pulse.shard == 0


async def test_a_number_that_was_lost_to_another_is_not_taken_back(place: Place) -> None:
    async with working(place) as worker:
        place.call("SET", place.keys.shard(0), "somebody else")
        await worker.pulse._beat()

        assert worker.pulse.shard == 1
        assert place.call("GET", place.keys.shard(0)) == b"somebody else"


async def test_beats_go_on_by_themselves_and_rise(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "INTERVAL", 0.01)
    async with working(place) as worker:
        first = newest(place, worker).number

        await until(lambda: newest(place, worker).number > first + 3)


def newest(place: Place, worker: Worker) -> Beat:
    """What it said last."""
    roster = Roster()
    roster.observe(0.0, {"it": place.call("HGET", place.keys.workers, worker.name)})
    return roster.alive["it"].beat


async def test_what_others_wait_to_see_is_said_at_once(place: Place) -> None:
    async with working(place, {}) as worker:
        assert not newest(place, worker).serves
        worker.pump.serve(models())
        worker.pulse.soon()

        await until(lambda: newest(place, worker).serves, seconds=pulse.INTERVAL / 2)


async def test_what_is_in_hand_is_looked_after_with_each_beat(place: Place, gate: Gate) -> None:
    stream = place.keys.jobs(FOREST.id)
    async with working(place, models(slow(gate))) as worker, sending(place) as engine:
        (answer,) = await one_parcel_each(engine, 1)
        await until(lambda: len(worker.pump.hand) == 1)
        place.age(stream)
        await worker.pulse._beat()

        (given,) = place.client.xpending_range(stream, GROUP, "-", "+", 10)
        assert int(given["time_since_delivered"]) < 5000
        assert given["times_delivered"] == 1
        gate.open()
        await answer


async def test_one_waits_for_a_redis_that_is_not_there_yet(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "INTERVAL", 0.01)
    server.kill()
    worker = Worker(server.place, models(), lambda _: None)
    starting = asyncio.ensure_future(worker.pulse.start())
    await asyncio.sleep(0.05)  # a few tries; that none of them gets through is the point
    assert not starting.done()
    server.start()

    async with asyncio.timeout(5.0):
        await starting
    await worker.die()


async def test_beats_go_on_after_redis_was_away(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pulse, "INTERVAL", 0.01)
    caplog.set_level("DEBUG", "inference.engine.pulse")
    async with working(server.place) as worker:
        server.kill()
        await until(lambda: "no heartbeat" in caplog.text)
        server.start()

        await until(lambda: server.place.call("HEXISTS", server.place.keys.workers, worker.name))


async def test_whoever_cannot_say_goodbye_is_told_so(server: Server) -> None:
    async with working(server.place) as worker:
        server.kill()

        with pytest.raises(Away):
            await worker.pulse.stop()


async def test_a_redis_without_memory_still_hears_that_one_lives(server: Server) -> None:
    async with working(server.place) as worker, sending(server.place) as engine:
        server.configure("maxmemory", "1")
        before = worker.pulse._number
        await worker.pulse._beat()

        assert worker.pulse._number == before + 1
        await engine._look.look()
        assert engine.roster.alive[worker.name].beat.number == before + 1


async def test_whoever_is_dead_for_long_is_swept_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "FORGOTTEN", 0.2)
    monkeypatch.setattr(pulse, "INTERVAL", 0.01)
    dead = "dead"
    async with working(place) as worker:
        stream = place.keys.jobs(FOREST.id)
        await until(lambda: place.call("EXISTS", stream))
        place.call("XGROUP", "CREATECONSUMER", stream, GROUP, dead)
        place.call("XADD", place.keys.mail(dead), "*", "p", "look")
        place.call("HSET", place.keys.workers, dead, presence.written(worker._beat(5)))
        await until(lambda: place.call("HKEYS", place.keys.workers) == [worker.name.encode()])
        assert place.call("EXISTS", place.keys.mail(dead)) == 0
        assert dead.encode() not in _consumers(place, stream)


def _consumers(place: Place, stream: str) -> list[bytes]:
    return [each["name"] for each in place.client.xinfo_consumers(stream, GROUP)]


async def test_whoever_has_something_in_hand_keeps_his_name_until_it_is_claimed(
    place: Place,
) -> None:
    async with working(place) as worker:
        stream = place.keys.suspects(FOREST.id)
        await until(lambda: place.call("EXISTS", stream))
        worker.pump._quarantine.close()
        place.call("XADD", stream, "*", "p", "x")
        place.read(stream, "dead")
        await worker.pump.forget("dead")

        assert b"dead" in _consumers(place, stream)


async def test_only_one_who_stays_and_has_all_models_is_a_relief(place: Place) -> None:
    async with working(place, models(Echo(FOREST.id))) as worker:
        assert not worker.pulse.relieved()
        async with working(place, {}) as other:
            await worker.pulse._look()
            assert not worker.pulse.relieved()
            other.pump.serve(models())
            await other.pulse._beat()
            await worker.pulse._look()
            assert worker.pulse.relieved()
            other.draining = True
            await other.pulse._beat()
            await worker.pulse._look()
            assert not worker.pulse.relieved()


async def test_ages_are_known_after_the_first_beat(place: Place) -> None:
    async with working(place) as worker:
        seconds, _ = place.client.time()

        assert worker.pump.age(b"%d-0" % (seconds * 1000 - 5000)) == pytest.approx(5.5, abs=0.7)


async def test_a_stop_forgets_the_worker_but_not_its_neighbours(place: Place) -> None:
    async with working(place) as one, working(place) as other:
        await one.pulse.stop()

        assert place.call("HKEYS", place.keys.workers) == [other.name.encode()]
        assert place.call("EXISTS", place.keys.shard(0)) == 0
        assert place.call("GET", place.keys.shard(1)) == other.name.encode()


async def test_whoever_never_began_may_stop_too(place: Place) -> None:
    worker = Worker(place, models(), lambda _: None)
    await until(lambda: place.call("EXISTS", place.keys.suspects(FOREST.id)))
    await worker.pulse.stop()
    await worker.die()

    assert place.call("EXISTS", place.keys.workers) == 0


async def test_when_all_numbers_are_taken_one_lives_without(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SHARDS", 1)
    async with working(place), working(place) as other:
        assert other.pulse.shard == -1
        assert newest(place, other).shard == -1
