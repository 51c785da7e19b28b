"""A worker reads what it has room for, loses nothing on the way, and leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from inference.core import parcels
from inference.core.errors import WeirError
from inference.core.parcels import GROUP
from inference.engine import pump
from inference.engine.link import Away
from inference.engine.remote import RemoteEngine
from tests.engine.crowd import turns
from tests.engine.pair import (
    Gate,
    Log,
    Worker,
    ask,
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

# -- reading ---------------------------------------------------------------------------------------


async def test_parcels_that_wait_together_are_one_batch(place: Place, gate: Gate) -> None:
    model = slow(gate)
    async with working(place, models(model)) as worker, sending(place) as engine:
        first = engine.submit(job(part(0.5)))
        await until(lambda: gate.entered)
        others = await one_parcel_each(engine, 8)
        await until(lambda: worker.pump.hand.rows == 9)
        gate.open()
        await asyncio.gather(first, *others)

    assert model.seen == [1, 8]


async def test_a_slow_model_is_left_out_while_others_are_read(place: Place, gate: Gate) -> None:
    has = models(slow(gate), Echo(TREES.id))
    trees = distant(served(TREES, Echo(TREES.id)))
    async with working(place, has, in_hand=2) as worker, sending(place) as engine:
        waiting = await one_parcel_each(engine, 2)
        await until(lambda: worker.pump.hand.rows == 2)
        await engine.submit(job(part(0.5, of=trees)))  # ends the read that had not left it out
        waiting += [engine.submit(job(part(0.5))) for _ in range(3)]
        await until(lambda: place.call("XLEN", place.keys.jobs(FOREST.id)) == 3)
        for n in range(10):
            ticket = part(n / 10, of=trees)
            await engine.submit(job(ticket))
            assert said(ticket) == [n / 10]

        assert worker.pump.hand.rows_of(FOREST.id) == 2
        assert len(place.pending(place.keys.jobs(FOREST.id))) == 2
        assert not any(each.done() for each in waiting)


async def test_what_was_left_out_is_read_as_soon_as_there_is_room(
    place: Place, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "BLOCK", 60_000)  # nobody would look again by himself
    async with working(place, models(slow(gate)), in_hand=1) as worker, sending(place) as engine:
        waiting = await one_parcel_each(engine, 1)
        await until(lambda: worker.pump.hand.rows == 1)
        worker.pump._nudge()
        await until(lambda: worker.pump._shut == {FOREST.id})
        waiting += [engine.submit(job(part(0.5)))]
        await until(lambda: place.call("XLEN", place.keys.jobs(FOREST.id)) == 2)
        gate.open()

        async with asyncio.timeout(2.0):
            await asyncio.gather(*waiting)


async def test_large_parcels_are_read_by_ones_and_small_ones_by_many(place: Place) -> None:
    async with working(place, models(), in_hand=100) as worker, sending(place) as engine:
        assert worker.pump._count() == pump.MOST
        for _ in range(40):
            await ask(engine, *[0.5] * 90)

        assert worker.pump._count() == 1


async def test_new_models_are_read_from_then_on(place: Place) -> None:
    async with working(place, {}) as worker, sending(place) as engine:
        with pytest.raises(WeirError, match="No worker has loaded"):
            await ask(engine, 0.5)
        worker.pump.serve(models())
        worker.pulse.soon()
        await until(lambda: engine.roster.serving(FOREST.id))

        assert await ask(engine, 0.5) == [0.5]
        assert worker.pump.healthy


async def test_a_word_in_the_mail_is_heard_once_and_taken_out(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        await engine._look.tell("look")
        await until(lambda: worker.heard)
        worker.pulse.soon()

        await until(lambda: place.call("XLEN", place.keys.mail(worker.name)) == 0)
        assert worker.heard == ["look"]
        assert place.pending(place.keys.mail(worker.name)) == {}


# -- what goes wrong -------------------------------------------------------------------------------


async def test_what_got_lost_on_the_way_to_us_is_taken_when_the_connection_is_new(
    server: Server, gate: Gate
) -> None:
    place, all_ = server.place, pump.MOST + 2
    stream = place.keys.jobs(FOREST.id)
    async with working(place, models(slow(gate))) as worker, sending(place) as engine:
        waiting = await one_parcel_each(engine, pump.MOST + 1)
        await until(lambda: len(worker.pump.hand) == pump.MOST + 1)
        worker.pump._supervisor.stop()
        waiting.append(engine.submit(job(part(0.5))))
        # Its last read may still wait over there, and be given what nobody hears of.
        await until(lambda: place.read(stream, worker.name) or len(place.pending(stream)) == all_)
        worker.pump._supervisor._start()
        await until(lambda: place.client.info("clients")["blocked_clients"] == 2)
        server.hang_up()
        await until(lambda: len(worker.pump.hand) == all_, seconds=4.0)
        gate.open()

        await asyncio.gather(*waiting)


async def test_a_new_connection_is_no_new_delivery(place: Place, gate: Gate) -> None:
    """Deliveries are how one knows that a job ended its workers."""
    async with working(place, models(slow(gate))) as worker, sending(place) as engine:
        (answer,) = await one_parcel_each(engine, 1)
        await until(lambda: len(worker.pump.hand) == 1)
        for _ in range(3):
            worker.pump.serve(models(slow(gate)))
            await until(lambda: worker.pump._rejoined)
        await turns()

        (given,) = place.pending(place.keys.jobs(FOREST.id)).values()
        assert given == (worker.name.encode(), 1)
        gate.open()
        await answer


async def test_what_is_no_parcel_is_passed_over(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        stream = place.keys.jobs(FOREST.id)
        for words in (("p", b"\xc1"), ("q", b"foreign"), ("p", parcels.parcel("web", []))):
            place.call("XADD", stream, "*", *words)
        place.call("XADD", place.keys.mail(worker.name), "*", "q", b"\xff")

        assert await ask(engine, 0.5) == [0.5]
        assert worker.pump._supervisor.restarts == 0
        assert len(place.pending(stream)) == 3, "the quarantine throws them away"


async def test_a_group_that_is_gone_is_made_again(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        assert await ask(engine, 0.5) == [0.5]
        for stream in (*worker.pump.station.streams(FOREST.id), worker.pump.station.mailbox):
            place.call("XGROUP", "DESTROY", stream, GROUP)

        assert await ask(engine, 0.25) == [0.25]


async def test_a_stream_that_is_none_stops_nothing_for_ever(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.call("SET", place.keys.jobs(FOREST.id), "text")
    async with working(place) as worker, sending(place) as engine:
        await until(lambda: "there is no work" in caplog.text)
        assert worker.pump.healthy
        place.call("DEL", place.keys.jobs(FOREST.id))

        assert await ask(engine, 0.5) == [0.5]


async def test_a_pump_that_dies_takes_up_what_it_had_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(place) as worker, sending(place) as engine:
        with monkeypatch.context() as broken:
            broken.setattr(worker.pump, "_take", lambda *_: 1 / 0)
            answer = engine.submit(job(ticket := part(0.5)))
            await until(lambda: worker.pump._supervisor.restarts)
        await answer

        assert said(ticket) == [0.5]


async def test_a_redis_without_memory_does_not_keep_a_worker_from_working(server: Server) -> None:
    async with working(server.place) as worker, sending(server.place) as engine:
        await ask(engine, 0.5)
        server.configure("maxmemory", "1")
        worker.pump._nudge()
        worker.pump.serve(models())
        await until(lambda: not worker.pump._rejoined)
        with pytest.raises(WeirError, match="Redis is full"):
            await ask(engine, 0.5)
        server.configure("maxmemory", "0")

        assert await ask(engine, 0.5) == [0.5]


# -- the end ---------------------------------------------------------------------------------------


async def stopping(worker: Worker, seconds: float = 10.0) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    return await worker.pump.drain(deadline, worker.pulse.relieved)


async def test_whoever_is_relieved_reads_no_more_and_finishes_what_is_in_hand(
    place: Place, gate: Gate
) -> None:
    log = Log()
    async with working(place, models(slow(gate)), log) as leaves, sending(place) as engine:
        (mine,) = await one_parcel_each(engine, 1)
        await until(lambda: gate.entered)
        async with working(place, models(Echo(FOREST.id)), log):
            leaves.draining = True
            leaves.pulse.soon()
            await until(leaves.pulse.relieved)
            ending = asyncio.ensure_future(stopping(leaves))
            await until(leaves.pump._stopped.is_set)
            assert [await ask(engine, n / 8) for n in range(8)] == [[n / 8] for n in range(8)]
            assert not ending.done()
            gate.open()

            assert await ending
            await mine
            await leaves.pulse.stop()
            assert leaves.name not in engine.roster.alive or await _gone(engine, leaves.name)
            assert len(log.rows) == 9


async def _gone(engine: RemoteEngine, name: str) -> bool:
    await until(lambda: name not in engine.roster.alive)
    return True


async def test_whoever_leaves_last_goes_on_until_nothing_comes(place: Place, gate: Gate) -> None:
    async with working(place, models(slow(gate))) as worker, sending(place) as engine:
        ending = asyncio.ensure_future(stopping(worker))
        waiting = await one_parcel_each(engine, 3)
        gate.open()
        await asyncio.gather(*waiting)
        late = part(0.75)
        await engine.submit(job(late))

        assert said(late) == [0.75]
        assert await ending
        assert await worker.pump.idle(FOREST.id)


async def test_a_stop_has_an_end_though_the_model_has_none(place: Place, gate: Gate) -> None:
    async with working(place, models(slow(gate))) as worker, sending(place) as engine:
        (answer,) = await one_parcel_each(engine, 1)
        await until(lambda: gate.entered)

        assert not await stopping(worker, 0.2)
        assert not await worker.pump.idle(FOREST.id)
        gate.open()
        await answer


async def test_a_stop_waits_for_a_redis_that_is_away_but_not_longer_than_it_may(
    server: Server,
) -> None:
    async with working(server.place) as worker:
        server.kill()
        assert not await worker.pump._nothing_comes()
        with pytest.raises(Away):
            await worker.pump.idle(FOREST.id)
        await until(lambda: worker.pump.hand.idle_seconds > pump.QUIET)

        assert not await worker.pump._nothing_comes()
        await stopping(worker, 0.2)


async def test_a_worker_that_left_is_in_redis_no_more(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        await ask(engine, 0.5)
        assert await worker.stop()

        for stream in worker.pump.station.streams(FOREST.id):
            assert place.call("XINFO", "CONSUMERS", stream, GROUP) == []
        assert place.call("EXISTS", worker.pump.station.mailbox) == 0
