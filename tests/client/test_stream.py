"""Streams against sockets that do what a well server does seldom; the real one is in tests/e2e."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from tests.client.scripted import Peer, prediction, server
from weir_client import AsyncClient, Retries, stream
from weir_client.address import Address
from weir_client.errors import (
    Forbidden,
    Interrupted,
    NotServed,
    RowInvalid,
    TooLarge,
    Unauthorized,
    Unexpected,
    Unreachable,
    WeirError,
)
from weir_client.frames import Item
from weir_client.line import Line
from weir_client.values import Failure, Prediction

QUICK = Retries(attempts=4, total=5, first=0.001, longest=0.002)
FORMATS = pytest.mark.parametrize("kind", ["json", "msgpack"])


def client(url: str, **more: Any) -> AsyncClient:
    return AsyncClient(url, retries=more.pop("retries", QUICK), timeout=2, **more)


def values(answers: list[Any]) -> list[float | None]:
    return [answer.value for answer in answers]


def rows(number: int) -> Iterator[list[float]]:
    return ([float(at)] for at in range(number))


async def honest(peer: Peer) -> None:
    await peer.hello()
    await peer.answer_all()


@FORMATS
async def test_answers_come_in_the_order_of_the_rows(kind: Any) -> None:
    async with server(backwards(4)) as url:
        found = [a async for a in client(url).stream("e", rows(8), format=kind)]

    assert values(found) == [float(at) for at in range(8)]


@FORMATS
async def test_or_as_they_come(kind: Any) -> None:
    async with server(backwards(4)) as url:
        found = [a async for a in client(url).stream("e", rows(8), format=kind, ordered=False)]

    assert values(found) == [3, 2, 1, 0, 7, 6, 5, 4]


def backwards(number: int) -> Any:
    """Answers `number` frames at a time, the last one first; so many credits there are."""

    async def script(peer: Peer) -> None:
        await peer.hello(number)
        while True:
            frames = [await peer.hear() for _ in range(number)]
            for frame in reversed(frames):
                await peer.answer(frame)

    return script


class Source:
    """Counts how often it was pulled."""

    def __init__(self, number: int) -> None:
        self.pulled = 0
        self._number = number

    def __iter__(self) -> Iterator[list[float]]:
        for at in range(self._number):
            self.pulled += 1
            yield [float(at)]


async def test_nothing_is_pulled_beyond_the_credits() -> None:
    source, held = Source(50), asyncio.Event()
    heard = 0

    async def stingy(peer: Peer) -> None:
        nonlocal heard
        await peer.hello(3)
        frames = [await peer.hear() for _ in range(3)]
        heard = source.pulled
        held.set()
        for frame in frames:
            await peer.answer(frame)
            # With one answer given there is one credit, and one frame more.
            await peer.answer(await peer.hear())
        await peer.answer_all()

    async with server(stingy) as url:
        found = [a async for a in client(url).stream("e", source)]

    assert (heard, len(found), source.pulled) == (3, 50, 50)


async def test_who_does_not_take_answers_stops_the_source() -> None:
    source = Source(1000)
    async with server(honest) as url, client(url).stream("e", window=5) as stream:
        taken = stream.predict(source)
        async for _ in taken:
            break
        # Another question on the same socket has gone there and back meanwhile.
        for _ in range(3):
            await stream.ask([1.0])
        assert source.pulled <= 6
        await taken.aclose()


async def test_a_source_may_be_asynchronous_and_slow() -> None:
    answered = asyncio.Event()

    async def hesitant() -> AsyncIterator[list[float]]:
        yield [1.0]
        await answered.wait()  # there is an answer before there is another row
        yield [2.0]

    found = []
    async with server(honest) as url:
        async for answer in client(url).stream("e", hesitant()):
            found.append(answer)
            answered.set()
    assert values(found) == [1.0, 2.0]


async def test_what_the_source_raises_comes_after_the_answers_to_its_rows() -> None:
    def broken() -> Iterator[list[float]]:
        yield [1.0]
        raise LookupError

    async with server(honest) as url, client(url).stream("e") as stream:
        answers = stream.predict(broken())
        assert (await anext(answers)).value == 1.0  # type: ignore[union-attr]  # no failure
        with pytest.raises(LookupError):
            await anext(answers)
        assert (await stream.ask([2.0])).value == 2.0


async def test_what_is_no_row_is_raised_and_takes_no_credit() -> None:
    async def single(peer: Peer) -> None:
        await peer.hello(1)
        await peer.answer_all()

    async with server(single) as url, client(url).stream("e") as stream:
        for _ in range(3):
            with pytest.raises(TypeError):
                await stream.ask([object()])
        assert (await stream.ask([2.0])).value == 2.0


async def test_several_tasks_share_a_socket() -> None:
    async with server(honest) as url, client(url).stream("e", window=2) as stream:
        found = await asyncio.gather(*(stream.ask([float(at)]) for at in range(20)))

    assert values(found) == [float(at) for at in range(20)]


async def test_a_row_that_fails_is_a_value_among_many_and_an_error_alone() -> None:
    async def refusing(peer: Peer) -> None:
        await peer.hello()
        while True:
            frame = await peer.hear()
            await peer.say("error", id=frame["id"], code="row_invalid", message="no", field="a")

    async with server(refusing) as url, client(url).stream("e") as stream:
        (found,) = [answer async for answer in stream.predict([{"a": 1}])]
        assert found == Failure("row_invalid", "no", field="a")
        with pytest.raises(RowInvalid):
            await stream.ask({"a": 1})


# -- again -----------------------------------------------------------------------------------------


async def test_what_found_no_room_is_sent_again() -> None:
    refused = []

    async def full(peer: Peer) -> None:
        await peer.hello()
        refused.extend([await peer.hear() for _ in range(5)])
        for frame in refused:
            await peer.say("overloaded", id=frame["id"], code="overloaded", retry_after_ms=5)
        await peer.answer_all()

    async with server(full) as url:
        found = [a async for a in client(url).stream("e", rows(5), session=False)]

    assert values(found) == [0, 1, 2, 3, 4]
    assert len(refused) == 5


async def test_what_never_finds_room_fails_after_the_last_try() -> None:
    tries = []

    async def full(peer: Peer) -> None:
        await peer.hello()
        while True:
            frame = await peer.hear()
            tries.append(frame["id"])
            await peer.say("overloaded", id=frame["id"], code="overloaded", retry_after_ms=1)

    async with server(full) as url:
        (found,) = [a async for a in client(url).stream("e", rows(1))]

    assert isinstance(found, Failure)
    assert (found.code, len(tries)) == ("overloaded", QUICK.attempts)


async def test_after_a_polite_goodbye_only_what_was_not_taken_is_sent_again() -> None:
    second: list[int] = []

    async def leaving(peer: Peer) -> None:
        await peer.hello()
        frames = [await peer.hear() for _ in range(4)]
        await peer.say("draining")
        await peer.say("error", id=frames[3]["id"], code="draining")
        for frame in frames[:3]:
            await peer.answer(frame)
        await peer.close(1012)

    async def next_one(peer: Peer) -> None:
        await peer.hello()
        while True:
            frame = await peer.hear()
            second.append(frame["id"])
            await peer.answer(frame)

    async with server(leaving, next_one) as url:
        stream = client(url).stream("e", rows(6), session=False, window=4)
        found = [answer async for answer in stream]

    assert values(found) == [0, 1, 2, 3, 4, 5]
    assert second == [4, 5, 6]


async def cut_after_three(peer: Peer) -> None:
    await peer.hello()
    frames = [await peer.hear() for _ in range(3)]
    await peer.answer(frames[0])
    # The answer has arrived, or its credit would not have been used.
    await peer.hear()
    peer.cut()


async def test_in_a_session_everything_unanswered_is_sent_again() -> None:
    paths: list[str] = []
    ids: list[int] = []

    async def next_one(peer: Peer) -> None:
        paths.append(peer.path)
        await peer.hello()
        while True:
            frame = await peer.hear()
            ids.append(frame["id"])
            await peer.answer(frame)

    async def first(peer: Peer) -> None:
        paths.append(peer.path)
        await cut_after_three(peer)

    async with server(first, next_one) as url:
        found = [a async for a in client(url).stream("e", rows(5), window=3)]

    assert values(found) == [0, 1, 2, 3, 4]
    assert ids == [2, 3, 4, 5]
    assert len(set(paths)) == 1
    assert "?session=" in paths[0]


async def test_without_one_what_may_have_been_counted_is_not() -> None:
    async with server(cut_after_three, honest) as url:
        stream = client(url).stream("e", rows(6), session=False, window=3)
        found = [answer async for answer in stream]

    codes = [a.code if isinstance(a, Failure) else a.value for a in found]
    assert codes == [0, "interrupted", "interrupted", "interrupted", 4, 5]


async def test_where_nothing_is_logged_it_goes_on_without_a_session() -> None:
    paths: list[str] = []

    async def logless(peer: Peer) -> None:
        paths.append(peer.path)
        await peer.hello()
        while True:
            frame = await peer.hear()
            await peer.say("error", id=frame["id"], code="not_logged")

    async def cut(peer: Peer) -> None:
        paths.append(peer.path)
        await cut_after_three(peer)

    async def last(peer: Peer) -> None:
        paths.append(peer.path)
        await honest(peer)

    async with server(logless, cut, last) as url:
        found = [a async for a in client(url).stream("e", rows(8), window=3)]

    assert values(found) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert ["session" in path for path in paths] == [True, False, False]


async def test_what_another_process_is_at_is_asked_for_again() -> None:
    tries = []

    async def busy(peer: Peer) -> None:
        await peer.hello()
        for _ in range(2 * QUICK.attempts):
            frame = await peer.hear()
            tries.append(frame["id"])
            await peer.say("error", id=frame["id"], code="in_progress", retry_after_ms=1)
        await peer.answer_all()

    async with server(busy) as url:
        (found,) = [a async for a in client(url).stream("e", rows(1))]

    assert isinstance(found, Prediction)
    assert set(tries) == {1}


async def test_a_server_that_is_gone_ends_the_stream_after_the_last_try() -> None:
    async def once(peer: Peer) -> None:
        await cut_after_three(peer)

    async def never(peer: Peer) -> None:
        peer.cut()

    async with server(once, never) as url:
        with pytest.raises(Interrupted):
            [a async for a in client(url).stream("e", rows(8), window=3)]


async def test_where_nobody_is_nothing_is_streamed() -> None:
    with pytest.raises(Unreachable, match="Nothing answers"):
        async with client("http://127.0.0.1:1").stream("e"):
            raise AssertionError("unreachable: it does not open")


async def test_a_server_that_does_not_greet_is_none() -> None:
    async def mute(peer: Peer) -> None:
        await peer.hear()

    async with server(mute) as url:
        with pytest.raises(Unexpected, match="greet"):
            async with AsyncClient(url, timeout=0.05).stream("e"):
                raise AssertionError("unreachable: it does not open")


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (4401, "unauthorized", Unauthorized),
        (4403, "forbidden", Forbidden),
        (4404, "not_served", NotServed),
        (1009, "", TooLarge),
    ],
)
async def test_what_another_connection_would_not_change_is_raised(
    code: int, said: str, kind: type[WeirError]
) -> None:
    connections = 0

    async def refusing(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        if said:
            await peer.say("error", id=None, code=said, message="So it is.")
        else:
            await peer.hello()
            await peer.hear()
        await peer.close(code)

    async with server(refusing) as url:
        with pytest.raises(kind) as caught:
            [a async for a in client(url).stream("e", rows(3))]

    assert connections == 1
    assert not said or caught.value.message == "So it is."


async def test_a_server_without_room_for_a_socket_is_asked_again() -> None:
    async def full(peer: Peer) -> None:
        await peer.say("overloaded", id=None, code="overloaded", retry_after_ms=1)
        await peer.close(1013)

    async with server(full, honest) as url:
        assert values([a async for a in client(url).stream("e", rows(2))]) == [0, 1]


async def test_a_frame_that_nobody_knows_ends_the_stream() -> None:
    async def foreign(peer: Peer) -> None:
        await peer.hello()
        await peer.hear()
        await peer.say("surprise")
        await peer.answer_all()

    async with server(foreign) as url:
        with pytest.raises(Unexpected):
            [a async for a in client(url).stream("e", rows(3))]


# -- blocks ----------------------------------------------------------------------------------------


KINDS = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8"}


async def summing(peer: Peer) -> None:
    """A model that adds up a row."""
    await peer.hello()
    while True:
        frame = await peer.hear()
        block = frame["block"]
        array = np.frombuffer(block["data"], KINDS[block["datatype"]])
        sums = array.reshape(block["shape"]).sum(axis=1).astype("<f8")
        ids = np.arange(len(sums)) + 1
        answer = {
            "request_ids": {"datatype": "INT64", "shape": [len(ids)], "data": ids.tobytes()},
            "outputs": [
                {"name": "value", "datatype": "FP64", "shape": [len(ids)], "data": sums.tobytes()}
            ],
            "algorithm": 1,
            "version": "1",
            "classes": [],
        }
        await peer.say("result", id=frame["id"], block=answer)


@pytest.mark.parametrize("kind", ["float32", "float64"])
async def test_an_array_goes_in_blocks_and_comes_back_as_arrays(kind: str) -> None:
    whole = np.arange(50).reshape(25, 2).astype(kind)

    async with server(summing) as url, client(url).stream("e", block=10, session=False) as stream:
        found = [block async for block in stream.predict(whole)]
        alone = await stream.ask(whole[:3])

    sums = [block.value for block in found if not isinstance(block, Failure)]
    assert [len(part) for part in sums if part is not None] == [10, 10, 5]
    np.testing.assert_array_equal(np.concatenate(sums), whole.sum(axis=1))
    assert len(alone) == 3


async def test_arrays_may_come_one_after_another() -> None:
    pieces = (np.full((at, 2), at) for at in (1, 2, 3))

    async with server(summing) as url, client(url).stream("e", session=False) as stream:
        found = [len(block) async for block in stream.predict(pieces)]  # type: ignore[arg-type]  # no failures

    assert found == [1, 2, 3]


async def test_an_array_alone_needs_no_session_and_asks_for_none() -> None:
    async with server(summing) as url:
        found = [block async for block in client(url).stream("e", np.ones((5, 2)), block=2)]

    assert [len(block) for block in found if not isinstance(block, Failure)] == [2, 2, 1]


@pytest.mark.parametrize("options", [{"window": 0}, {"block": 0}, {"window": -1}])
async def test_a_stream_that_could_never_send_is_refused_at_once(options: Any) -> None:
    async with AsyncClient("http://127.0.0.1:1") as refusing:
        with pytest.raises(ValueError, match="at least one"):
            refusing.stream("e", **options)


async def test_a_session_keeps_no_arrays() -> None:
    async with server(summing) as url, client(url).stream("e") as stream:
        with pytest.raises(ValueError, match="session=False"):
            await stream.ask(np.ones((1, 2)))


async def test_a_block_with_a_row_that_fails_says_which() -> None:
    async def half(peer: Peer) -> None:
        await peer.hello()
        frame = await peer.hear()
        ids = {"datatype": "INT64", "shape": [1], "data": np.array([1]).tobytes()}
        errors = {"0": {"code": "row_invalid", "message": "no"}}
        body = {"request_ids": ids, "outputs": [], "algorithm": 1, "version": "1", "errors": errors}
        await peer.say("result", id=frame["id"], block=body)
        await peer.answer_all()

    async with server(half) as url, client(url).stream("e", session=False) as stream:
        assert (await stream.ask(np.ones((1, 1)))).errors[0].code == "row_invalid"


# -- manners ---------------------------------------------------------------------------------------


async def test_a_stream_without_rows_cannot_be_iterated_over() -> None:
    with pytest.raises(TypeError, match="without rows"):
        await anext(aiter(client("http://127.0.0.1:1").stream("e")))


async def test_a_stream_is_entered_before_it_is_asked() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await client("http://127.0.0.1:1").stream("e").ask([1.0])


def test_a_misspelt_keyword_is_no_wish() -> None:
    with pytest.raises(TypeError, match="algoritm"):
        AsyncClient("http://127.0.0.1:1").stream("e", algoritm=1)  # type: ignore[call-overload]  # as a user might


async def test_wishes_go_with_every_frame_and_the_key_with_the_handshake() -> None:
    seen: dict[str, Any] = {}

    async def noting(peer: Peer) -> None:
        seen["key"] = peer.headers["authorization"]
        await peer.hello()
        seen.update(frame := await peer.hear())
        await peer.answer(frame)
        await peer.answer_all()

    async with server(noting) as url:
        there = AsyncClient(url, "pre.secret")
        [a async for a in there.stream("e", [{"a": 1}], subject="ann", deadline=0.5, algorithm=2)]

    assert seen["key"] == "Api-Key pre.secret"
    assert (seen["subject"], seen["algorithm"], seen["deadline_ms"]) == ("ann", 2, 500.0)


async def test_leaving_early_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()

    async with server(honest) as url:
        async with client(url).stream("e") as stream:
            answers = stream.predict(rows(100_000))
            await anext(answers)
        left = asyncio.all_tasks() - before

    assert {task for task in left if "weir_client" in repr(task)} == set()


async def test_a_flow_whose_closing_is_cut_short_leaves_no_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = asyncio.Event()

    async def mute(peer: Peer) -> None:
        await peer.hello()
        while (await peer.hear())["id"] < 16:
            pass
        asked.set()
        await peer.hear()

    async def source() -> AsyncIterator[Item]:
        for row in rows(100):
            yield row

    async with server(mute) as url:
        line = Line(stream.terms(Address.of(url), "e", {}))
        await line.open()
        flow = stream.Flow(line, source(), 100, ordered=True)
        await asked.wait()
        # What `asyncio.run` does at its end to a loop over answers that has raised.
        closing = flow.close()
        closing.send(None)
        closing.close()
        await line.close()
        del flow
        gc.collect()

    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


async def test_a_duplicate_answer_is_dropped() -> None:
    async def twice(peer: Peer) -> None:
        await peer.hello(1)
        while True:
            frame = await peer.hear()
            await peer.answer(frame)
            await peer.say("result", id=frame["id"], results=[prediction(9, 9.0)])

    async with server(twice) as url:
        assert values([a async for a in client(url).stream("e", rows(3))]) == [0, 1, 2]


async def test_whoever_leaves_while_there_is_no_room_takes_no_credit_along() -> None:
    refused = asyncio.Event()

    async def full(peer: Peer) -> None:
        await peer.hello(1)
        frame = await peer.hear()
        await peer.say("overloaded", id=frame["id"], code="overloaded", retry_after_ms=20)
        refused.set()
        await peer.answer_all()

    async with server(full) as url, client(url).stream("e") as stream:
        leaving = asyncio.ensure_future(stream.ask([1.0]))
        await refused.wait()
        leaving.cancel()
        assert (await stream.ask([2.0])).value == 2.0


async def test_whoever_waits_on_a_stream_that_is_closed_is_told() -> None:
    asked = asyncio.Event()

    async def mute(peer: Peer) -> None:
        await peer.hello()
        await peer.hear()
        asked.set()
        await peer.hear()

    async with server(mute) as url:
        async with client(url).stream("e") as stream:
            waiting = asyncio.ensure_future(stream.ask([1.0]))
            await asked.wait()
        with pytest.raises(Interrupted, match="closed"):
            await waiting
        with pytest.raises(Interrupted, match="closed"):
            await stream.ask([2.0])


async def test_a_row_that_comes_after_the_end_is_not_waited_for() -> None:
    ended = asyncio.Event()

    async def late() -> AsyncIterator[list[float]]:
        await ended.wait()
        yield [1.0]

    async def revoking(peer: Peer) -> None:
        await peer.hello()
        await peer.hear()
        await peer.close(4401)

    async with server(revoking) as url, client(url).stream("e") as stream:
        answers = stream.predict(late())
        first = asyncio.ensure_future(anext(answers))
        with pytest.raises(Unauthorized):
            await stream.ask([0.0])
        ended.set()
        with pytest.raises(Unauthorized):
            await first
