"""Answered means logged, in the words of each mode."""

from __future__ import annotations

import asyncio

import pytest

from inference.core.batching import BatchPolicy
from inference.core.errors import StorageUnavailable
from inference.core.types import LogMode
from inference.engine.local import LocalEngine
from tests.engine.crowd import Hands, Ledger, Sevenfold, Slip, job, turns, values


async def test_strict_means_logged_before_it_is_answered(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    ticket = Slip()
    answer = engine.submit(job(Sevenfold(), 1, mode=LogMode.STRICT, ticket=ticket))

    await hands.go("weir-sevenfold")
    assert (answer.done(), len(ticket.outcomes), ledger.written) == (False, 1, [])

    await hands.go("weir-log")
    assert values(answer.result()) == [7]
    assert ledger.written == [ticket]


async def test_fast_is_answered_first_and_logged_all_the_same(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    ticket = Slip()
    answer = engine.submit(job(Sevenfold(), 1, mode=LogMode.FAST, ticket=ticket))

    await hands.go("weir-sevenfold")
    assert values(answer.result()) == [7]

    await hands.go("weir-log")
    assert ledger.written == [ticket]


async def test_off_is_settled_and_not_logged(engine: LocalEngine, hands: Hands) -> None:
    ticket = Slip()
    answer = engine.submit(job(Sevenfold(), 1, ticket=ticket))

    await hands.go()

    assert ticket.outcomes == [await answer]
    assert hands.waiting() == 0


async def test_the_next_batch_computes_while_the_log_is_written(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    model = Sevenfold()
    answers = [engine.submit(job(model, 1, mode=LogMode.STRICT))]
    for n in (2, 3):
        await hands.go("weir-sevenfold")
        answers.append(engine.submit(job(model, n, mode=LogMode.STRICT)))
    await hands.go("weir-sevenfold")
    assert not any(answer.done() for answer in answers)

    await hands.go("weir-log", times=2)

    assert [values(answer.result()) for answer in answers] == [[7], [14], [21]]
    assert [len(group) for group in ledger.groups] == [1, 2], "what came meanwhile is one group"


async def test_a_ticket_that_cannot_be_written_fails_alone(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    model, bad = Sevenfold(), Slip()
    ledger.refused = {bad}
    answers = [
        engine.submit(job(model, n, mode=LogMode.STRICT, ticket=bad if n == 3 else None))
        for n in range(6)
    ]

    await hands.go("weir-sevenfold")
    await hands.go("weir-log")

    with pytest.raises(StorageUnavailable):
        answers.pop(3).result()
    assert [values(answer.result()) for answer in answers] == [[0], [7], [14], [28], [35]]


async def test_fast_rows_that_could_not_be_written_are_counted(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    bad = Slip()
    ledger.refused = {bad}
    answer = engine.submit(job(Sevenfold(), 1, 2, mode=LogMode.FAST, ticket=bad))

    await hands.go("weir-sevenfold")
    await hands.go("weir-log")

    assert values(await answer) == [7, 14]
    assert engine.stats().lanes["sevenfold"].unlogged == 2
    assert not engine.stats().healthy


async def test_strict_predictions_go_no_faster_than_their_log(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    for n in range(16):
        engine.submit(job(model, n, mode=LogMode.STRICT))
    await hands.go("weir-sevenfold", times=2)
    engine.submit(job(model, 99, mode=LogMode.STRICT))
    await turns()
    assert hands.waiting("weir-sevenfold") == 0

    await hands.go("weir-log")

    assert hands.waiting("weir-sevenfold") == 1


async def test_a_full_log_never_holds_up_fast_predictions_and_the_loss_is_counted(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    model = Sevenfold()
    for _ in range(16):
        engine.submit(job(model, 1, mode=LogMode.FAST))
    await hands.go("weir-sevenfold", times=2)

    answers = [engine.submit(job(model, n, mode=LogMode.FAST)) for n in (2, 3)]
    await hands.go("weir-sevenfold")

    assert [values(answer.result()) for answer in answers] == [[14], [21]]
    assert engine.stats().lanes["sevenfold"].unlogged == 2
    await hands.go("weir-log", times=2)
    assert len(ledger.written) == 16


async def test_without_a_log_every_mode_is_answered(hands: Hands) -> None:
    engine = LocalEngine(BatchPolicy(), thread=hands)
    answers = [engine.submit(job(Sevenfold(), n, mode=mode)) for n, mode in enumerate(LogMode)]

    await hands.go()

    assert [values(answer.result()) for answer in answers] == [[0], [7], [14]]
    assert engine.stats().log is None
    assert await engine.drain(asyncio.get_running_loop().time() + 1)
    await engine.close()


@pytest.mark.parametrize(("mode", "done"), [("strict", False), ("fast", True), ("off", True)])
async def test_a_ticket_that_never_was_a_job_is_recorded(
    engine: LocalEngine, hands: Hands, ledger: Ledger, mode: str, done: bool
) -> None:
    ticket = Slip()

    recorded = engine.record(ticket, LogMode(mode))

    assert recorded.done() is done
    if mode != "off":
        await hands.go("weir-log")
        assert ledger.written == [ticket]
    await recorded


async def test_a_record_that_cannot_be_written_is_told_in_strict_mode_only(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    strict, fast = Slip(), Slip()
    ledger.refused = {strict, fast}

    told, untold = engine.record(strict, LogMode.STRICT), engine.record(fast, LogMode.FAST)
    await hands.go("weir-log", times=2)

    assert untold.result() is None
    with pytest.raises(StorageUnavailable):
        told.result()


async def test_strict_rows_are_never_shed(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    engine.record(Slip(), LogMode.FAST, rows=20)
    strict, fast = Slip(), Slip()
    answer = engine.submit(job(Sevenfold(), 1, mode=LogMode.STRICT, ticket=strict))
    engine.submit(job(Sevenfold(), 2, mode=LogMode.FAST, ticket=fast))
    await hands.go("weir-sevenfold")

    await hands.go("weir-log", times=2)

    assert values(await answer) == [7]
    assert strict in ledger.written
    assert fast not in ledger.written


async def test_a_strict_batch_is_logged_even_if_others_have_filled_the_log(
    engine: LocalEngine, hands: Hands, ledger: Ledger
) -> None:
    engine.record(Slip(), LogMode.STRICT, rows=20)
    answer = engine.submit(job(Sevenfold(), 1, mode=LogMode.STRICT))
    await hands.go("weir-sevenfold")

    await hands.go("weir-log", times=2)

    assert values(await answer) == [7]
    assert len(ledger.written) == 2
