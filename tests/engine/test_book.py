"""Everybody who waits is told once, by number, and not after his deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference.core import parcels
from inference.core.errors import DeadlineExceeded, Draining, Overloaded
from inference.core.parcels import Result
from inference.engine.book import Book, Sent
from tests.engine.pair import STREAM, part


def soon(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
async def book() -> AsyncIterator[Book]:
    book = Book()
    yield book
    for sent in book:
        sent.answer.cancel()
    book.close(Draining)


def answer(sent: Sent, *texts: str) -> Result:
    return Result(sent.number, list(texts), {})


async def test_an_answer_finds_whoever_waits_for_it(book: Book) -> None:
    one, other = book.enter(part(0.1), soon()), book.enter(part(0.2, 0.3), soon())
    assert (len(book), book.rows) == (2, 3)

    error = parcels.trouble(Overloaded("not now"))
    book.settle(Result(other.number, ["b", "c"], {1: error}))

    assert (await other.answer).outputs is None
    assert (list(other.part.texts), str(other.part.errors[1])) == (["b", "c"], "not now")
    assert not one.gone
    assert (len(book), book.rows) == (1, 1)


async def test_a_failure_is_raised_as_it_was(book: Book) -> None:
    sent = book.enter(part(0.1), soon())
    book.settle(parcels.failed(sent.number, Overloaded("not now", retry_after=2.0)))

    with pytest.raises(Overloaded, match="not now") as caught:
        await sent.answer
    assert caught.value.retry_after == 2.0


async def test_an_answer_that_comes_twice_or_for_nobody_is_counted_and_dropped(book: Book) -> None:
    sent = book.enter(part(0.1), soon())
    book.settle(answer(sent, "first"))
    book.settle(answer(sent, "second"))
    book.settle(Result(999, ["x"], {}))

    assert list(sent.part.texts) == ["first"]
    assert book.late == 2


async def test_whoever_hung_up_is_not_told_and_leaves_the_book(book: Book) -> None:
    sent = book.enter(part(0.1), soon())
    sent.answer.cancel()
    assert sent.gone
    assert len(book) == 1, "his rows are under way still"

    book.settle(answer(sent, "x"))

    assert (len(book), book.rows, book.late) == (0, 0, 0)
    assert sent.part.texts == ()


async def test_a_deadline_tells_whoever_waits_and_what_comes_after_is_late(book: Book) -> None:
    sent, patient = book.enter(part(0.1), soon(0.01)), book.enter(part(0.1), soon())

    with pytest.raises(DeadlineExceeded, match="before a worker answered"):
        await sent.answer
    book.settle(answer(sent, "x"))

    assert not patient.gone
    assert (book.late, book.expired, len(book)) == (1, {STREAM: 1}, 1)


async def test_deadlines_ring_in_whatever_order_they_came(book: Book) -> None:
    loop = asyncio.get_running_loop()
    jobs = [book.enter(part(0.1), soon(seconds)) for seconds in (0.03, 0.01, 0.02)]
    rung: list[int] = []
    for sent in jobs:
        sent.answer.add_done_callback(lambda _, n=sent.number: rung.append(n))  # type: ignore[misc]  # a default is how a loop's value is kept

    await asyncio.gather(*(sent.answer for sent in jobs), return_exceptions=True)

    assert rung == [2, 3, 1]
    assert loop.time() >= jobs[0].deadline - 0.002


async def test_the_deadline_of_one_who_hung_up_does_not_count(book: Book) -> None:
    leaves, stays = book.enter(part(0.1), soon(0.005)), book.enter(part(0.1), soon(0.01))
    leaves.answer.cancel()

    with pytest.raises(DeadlineExceeded):
        await stays.answer

    assert (len(book), book.expired) == (0, {STREAM: 1})


async def test_jobs_that_fail_are_told_once(book: Book) -> None:
    jobs = [book.enter(part(0.1), soon()) for _ in range(3)]
    book.settle(answer(jobs[0], "x"))
    jobs[1].answer.cancel()
    book.fail(jobs, lambda: Overloaded("full"))

    assert jobs[0].answer.exception() is None
    assert jobs[1].answer.cancelled()
    assert str(jobs[2].answer.exception()) == "full"
    assert len(book) == 0


async def test_only_those_that_are_here_can_be_held(book: Book) -> None:
    one, other = book.enter(part(0.1), soon()), book.enter(part(0.1), soon())
    book.hold([one.number, 999])

    assert (one.held, other.held) == (True, False)


async def test_one_may_wait_until_nobody_waits(book: Book) -> None:
    sent = book.enter(part(0.1), soon())
    assert not await book.empty(soon(0.01))
    waiting = asyncio.ensure_future(book.empty(soon()))
    await asyncio.sleep(0)
    book.settle(answer(sent, "x"))

    assert await waiting


async def test_a_closed_book_told_everybody(book: Book) -> None:
    sent = book.enter(part(0.1), soon())
    book.close(Draining)

    assert isinstance(sent.answer.exception(), Draining)


async def test_who_is_in_a_hurry_is_counted_apart_and_his_answers_are_told() -> None:
    told: list[tuple[int, float]] = []
    book = Book(lambda model, seconds: told.append((model, seconds)))
    patient, hurried = book.enter(part(0.1), soon()), book.enter(part(1, 2), soon(), hurried=True)
    model = hurried.model
    assert (book.rows_of(model), book.hurried_of(model)) == (3, 2)

    book.settle(answer(patient, "a"))
    assert not told
    book.settle(answer(hurried, "b", "c"))

    assert (book.rows_of(model), book.hurried_of(model)) == (0, 0)
    ((of, seconds),) = told
    assert of == model
    assert 0.0 <= seconds < 20.0
    book.close(Draining)
