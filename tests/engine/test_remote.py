"""A process without models promises what one with models does, and says why it cannot."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import numpy as np
import pytest

from inference.core import presence
from inference.core.errors import (
    DeadlineExceeded,
    Draining,
    ModelUnavailable,
    Overloaded,
    QueueUnavailable,
    StorageUnavailable,
)
from inference.core.presence import Lane
from inference.core.rows import JsonRows
from inference.core.types import LogMode, Outcome
from inference.engine import lookout, outbound, remote
from inference.engine.remote import Distance, Distant, RemoteEngine, RemoteLane
from tests.engine.crowd import turns
from tests.engine.pair import (
    Gate,
    Log,
    ask,
    distant,
    job,
    models,
    part,
    said,
    sending,
    slow,
    until,
    working,
)
from tests.inference.gateways import FOREST, TREES, Echo, served
from tests.queues import Place, Server


def later(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


# -- who is let in ---------------------------------------------------------------------------------


async def test_without_a_worker_nobody_is_let_in(place: Place) -> None:
    async with sending(place) as engine:
        with pytest.raises(ModelUnavailable, match="No worker is alive"):
            engine.submit(job(part(0.5)))

        assert engine.stats().ailing == "no worker is alive"
        assert engine.stats().lanes[RemoteLane("", FOREST.id)].refused == 1


async def test_a_model_that_no_worker_could_load_says_why(place: Place) -> None:
    async with working(place, {}) as worker, sending(place) as engine:
        with pytest.raises(ModelUnavailable, match="No worker has loaded this model"):
            engine.submit(job(part(0.5)))
        beat = worker._beat(1000)
        beat.failures = {FOREST.id: "It is torn."}
        place.call("HSET", place.keys.workers, worker.name, presence.written(beat))
        await engine._look.look()

        with pytest.raises(ModelUnavailable, match="It is torn"):
            engine.submit(job(part(0.5)))
        assert engine.stats().failures == {FOREST.id: "It is torn."}


async def test_a_job_that_is_late_already_is_not_sent(place: Place) -> None:
    async with working(place), sending(place) as engine:
        with pytest.raises(DeadlineExceeded, match="when the job came"):
            engine.submit(job(part(0.5), patience=-1.0))


async def test_so_many_rows_of_one_process_may_wait_but_one_job_always(
    place: Place, gate: Gate
) -> None:
    async with working(place, models(slow(gate), Echo(TREES.id))):
        lines = remote.Lines(place.link(), place.link(4.0), place.link())
        engine = RemoteEngine(lines, place.keys, Distance(queue_rows=4))
        await engine.start()
        first = engine.submit(job(part(*[0.5] * 9)))
        with pytest.raises(Overloaded, match="9 rows are waiting"):
            engine.submit(job(part(0.5)))
        other = part(0.125, of=distant(served(TREES, Echo(TREES.id))))
        await engine.submit(job(other))
        assert said(other) == [0.125]  # another model has a queue of its own
        gate.open()
        await first

        assert await ask(engine, 0.25) == [0.25]
        await engine.close()


async def test_who_is_in_a_hurry_is_refused_where_the_queue_stands(
    place: Place, gate: Gate
) -> None:
    async with working(place, models(slow(gate))):
        lines = remote.Lines(place.link(), place.link(4.0), place.link())
        engine = RemoteEngine(lines, place.keys, Distance(parcel_rows=2))
        await engine.start()
        hurried = [replace(job(part(0.5)), hurried=True) for _ in range(7)]
        answers = [engine.submit(each) for each in hurried[:5]]
        for ago in (0.6, 0.3, 0.0):  # answers were late all the time
            now = asyncio.get_running_loop().time() - ago
            engine._admission.answered(FOREST.id, 1.0, now)

        with pytest.raises(Overloaded, match="5 rows are waiting in a hurry"):
            engine.submit(hurried[5])
        answers.append(engine.submit(job(part(0.5))))  # who has time may wait
        gate.open()
        await asyncio.gather(*answers)

        await engine.submit(hurried[6])
        assert engine.stats().lanes[RemoteLane("", FOREST.id)].refused == 1
        await engine.close()


async def test_whoever_drains_lets_nobody_in_and_waits_for_those_inside(
    place: Place, gate: Gate
) -> None:
    async with working(place, models(slow(gate))), sending(place) as engine:
        answer = engine.submit(job(part(0.5)))
        assert not await engine.drain(later(0.05))
        with pytest.raises(Draining):
            engine.submit(job(part(0.5)))
        assert engine.stats().draining
        gate.open()

        assert await engine.drain(later())
        assert answer.done()


async def test_whoever_closes_tells_those_who_wait(place: Place, gate: Gate) -> None:
    async with working(place, models(slow(gate))), sending(place) as engine:
        answer = engine.submit(job(part(0.5)))
        await engine.close()

        with pytest.raises(Draining):
            await answer


# -- Redis that is away ----------------------------------------------------------------------------


async def test_one_starts_without_redis_and_heals(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "PATIENCE", 0.2)
    monkeypatch.setattr(lookout, "LOOK", 0.01)
    server.kill()
    async with sending(server.place) as engine:
        with pytest.raises(QueueUnavailable):
            await ask(engine, 0.5)
        await until(lambda: engine._out.away)
        with pytest.raises(QueueUnavailable):
            engine.submit(job(part(0.5)))
        assert engine.stats().ailing == "Redis cannot be reached"
        assert engine.stats().lanes[RemoteLane("", FOREST.id)].refused == 1
        server.start()
        async with working(server.place):
            await until(lambda: engine.stats().healthy)

            assert await ask(engine, 0.5) == [0.5]


async def test_why_it_ails_is_said_and_the_worst_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(place) as worker, sending(place) as engine:
        assert (engine.stats().healthy, engine.stats().ailing) == (True, "")
        beat = worker._beat(1000)
        beat.healthy = False
        place.call("HSET", place.keys.workers, worker.name, presence.written(beat))
        await engine._look.look()
        assert engine.stats().ailing == "no worker is healthy"
        monkeypatch.setattr(engine._look, "policy", "allkeys-lru")

        assert engine.stats().ailing.endswith("maxmemory-policy is allkeys-lru")


# -- what is only to be logged ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", [LogMode.STRICT, LogMode.FAST])
async def test_a_row_that_does_not_fit_is_logged_over_there(place: Place, mode: LogMode) -> None:
    log = Log()
    async with working(place, models(), log), sending(place) as engine:
        ticket = part(mode=mode, rows=JsonRows([b'{"a": "no"}']))
        ticket.settle(Outcome(None))
        done = engine.record(ticket, mode)
        assert done.done() == (mode is LogMode.FAST)
        await done
        await until(lambda: log.rows)

        assert log.rows[ticket.ids[0]].error_code == "row_invalid"


async def test_a_strict_row_that_cannot_be_logged_fails_and_a_fast_one_is_told_of(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()
    log.broken = OSError("disk full")
    async with working(place, models(), log), sending(place) as engine:
        ticket = part(rows=JsonRows([b'{"a": "no"}']))
        with pytest.raises(StorageUnavailable):
            await engine.record(ticket, LogMode.STRICT)
        with caplog.at_level(logging.ERROR, "inference.engine.local"):
            await engine.record(part(0.5), LogMode.FAST)
            await until(lambda: "answered but not logged" in caplog.text)


# -- changes and figures ---------------------------------------------------------------------------


async def test_a_change_is_waited_for_until_a_worker_has_it(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        following = asyncio.ensure_future(engine.follow(2))
        await until(lambda: worker.heard == ["look"])
        assert not following.done()
        worker.version = 2
        worker.pulse.soon()

        async with asyncio.timeout(5.0):
            await following
        assert engine.roster.version == 2


async def test_a_change_is_not_waited_for_without_end(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FOLLOW", 0.05)
    async with working(place), sending(place) as engine:
        await engine.follow(2)

        assert engine.roster.version == 1


async def test_a_change_does_not_fail_because_nobody_can_be_told(server: Server) -> None:
    async with sending(server.place) as engine:
        await engine.follow(2)
        async with working(server.place):
            await engine._look.look()
            server.configure("maxmemory", "1")
            await engine.follow(2)
            server.kill()
            await engine.follow(2)


async def test_a_model_is_let_go_at_once(place: Place) -> None:
    async with sending(place) as engine:
        assert await engine.retire(FOREST.id, later())


async def test_figures_are_those_since_one_looked(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        for number, done in ((1000, 50), (1001, 80)):
            beat = worker._beat(number)
            beat.lanes = {FOREST.id: Lane(done, 5, 1, 2, 3, 4, 6, 10.0, (0.1, 0.2, 0.3))}
            place.call("HSET", place.keys.workers, worker.name, presence.written(beat))
            await engine._look.look()
        stats = engine.stats().lanes[RemoteLane(worker.name, FOREST.id)]

        assert (stats.predictions, stats.batches, stats.queue_rows) == (80, 5, 4)
        assert (stats.latency, stats.healthy) == ((0.1, 0.2, 0.3), True)


async def test_what_ran_out_of_time_is_counted_though_nothing_was_refused(
    place: Place, gate: Gate
) -> None:
    async with working(place, models(slow(gate))), sending(place) as engine:
        with pytest.raises(DeadlineExceeded):
            await ask(engine, 0.5, patience=0.1)

        assert engine.stats().lanes[RemoteLane("", FOREST.id)].expired == 1


def test_a_model_that_is_elsewhere_cannot_predict() -> None:
    model = Distant(3, "onnx")

    assert (model.key, model.inline_ok) == (3, False)
    with pytest.raises(ModelUnavailable):
        model.predict((np.ones((1, 1)),))


# -- callers that hang up --------------------------------------------------------------------------


async def test_a_caller_may_hang_up_before_his_parcel_leaves(place: Place) -> None:
    model = Echo(FOREST.id)
    async with working(place, models(model)), sending(place) as engine:
        async with engine._lines.out._turn:
            leaves, stays = engine.submit(job(part(0.5))), engine.submit(job(part(0.5)))
            leaves.cancel()
            await turns()
        await stays

        assert model.seen == [1]
        assert await engine.drain(later())


async def test_a_caller_may_hang_up_while_his_job_waits_in_redis(place: Place) -> None:
    async with working(place) as worker, sending(place) as engine:
        worker.pump._supervisor.stop()
        leaves, stays = engine.submit(job(part(0.5))), engine.submit(job(ticket := part(0.25)))
        await until(lambda: all(sent.entry for sent in engine._book))
        leaves.cancel()
        worker.pump._supervisor._start()
        worker.pump._died()
        await stays

        assert said(ticket) == [0.25]
        assert await engine.drain(later())


@pytest.mark.parametrize("where", ["in the queue", "in the model"])
async def test_a_caller_may_hang_up_while_the_worker_has_his_job(
    place: Place, gate: Gate, where: str
) -> None:
    log = Log()
    async with working(place, models(slow(gate)), log) as worker, sending(place) as engine:
        first = engine.submit(job(part(0.5)))
        await until(lambda: gate.entered)
        second = engine.submit(job(part(0.5)))
        await until(lambda: worker.pump.hand.rows == 2)
        leaves, stays = (second, first) if where == "in the queue" else (first, second)
        leaves.cancel()
        gate.open()
        await stays

        assert await engine.drain(later())
        assert len(log.rows) == 2, "what was computed is logged, whoever has left"


async def test_a_caller_may_hang_up_as_he_is_answered(place: Place) -> None:
    async with working(place), sending(place) as engine:
        for after in range(0, 60, 3):
            answer, neighbour = engine.submit(job(part(0.5))), engine.submit(job(part(0.5)))
            await turns(after)
            answer.cancel()
            await neighbour

        assert await engine.drain(later())
        assert (len(engine._book), engine._book.rows) == (0, 0)


async def test_jobs_for_two_models_do_not_wait_for_each_other(place: Place, gate: Gate) -> None:
    trees = distant(served(TREES, Echo(TREES.id)))
    async with (
        working(place, models(slow(gate), Echo(TREES.id))),
        sending(place) as engine,
    ):
        waits = engine.submit(job(part(0.5)))
        await until(lambda: gate.entered)
        await engine.submit(job(part(0.5, of=trees)))

        assert not waits.done()
        gate.open()
        await waits
