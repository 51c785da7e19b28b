from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from channels.layers import BaseChannelLayer, get_channel_layer

from inference import live
from inference.core.errors import Draining, FrameInvalid
from inference.core.tickets import Part
from inference.live import Publisher
from tests.inference.fakes import FOREST, TREES, World, publishing, row

TEST = "experiment:7"
PATIENCE = 5.0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def publisher(world: World) -> AsyncIterator[Publisher]:
    async with publishing(world) as running:
        yield running


class Listener:
    """Somebody in a topic's group."""

    def __init__(self, layer: BaseChannelLayer, channel: str) -> None:
        self._layer = layer
        self._channel = channel

    async def hears(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message = await self._layer.receive(self._channel)
        assert message["type"] == live.MESSAGE
        body: dict[str, Any] = json.loads(message["text"])
        return body


async def listener(publisher: Publisher, topic: str) -> Listener:
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel()
    await layer.group_add(live.group(topic), channel)
    publisher.join(topic)
    return Listener(layer, channel)


async def test_any_number_of_changes_become_one_at_once_and_one_at_the_end(
    publisher: Publisher, world: World
) -> None:
    somebody = await listener(publisher, TEST)

    live.touch(TEST)
    first = await somebody.hears()
    for world.labelled in range(1, 101):
        live.touch(TEST)
    last = await somebody.hears()

    assert (first["seq"], first["arms"][0]["labelled"]) == (1, 0)
    assert (last["seq"], last["arms"][0]["labelled"]) == (2, 100)
    assert world.reads in (2, 3)  # the path of a test is followed once a second, beside


async def test_a_change_is_heard_well_within_a_quarter_of_a_second(publisher: Publisher) -> None:
    somebody = await listener(publisher, TEST)
    loop = asyncio.get_running_loop()
    live.touch(TEST)
    await somebody.hears()
    before = loop.time()

    live.touch(TEST)
    await somebody.hears()

    assert loop.time() - before < 0.25


async def test_a_change_may_be_told_from_any_thread(publisher: Publisher) -> None:
    somebody = await listener(publisher, TEST)

    teller = threading.Thread(target=live.touch, args=(TEST,))
    teller.start()
    heard = await somebody.hears()
    teller.join()

    assert heard["topic"] == TEST


async def test_what_nobody_listens_to_is_not_built(publisher: Publisher, world: World) -> None:
    somebody = await listener(publisher, "results:income")

    publisher.predicted([row(1)])
    await somebody.hears()

    assert world.reads == 0


async def test_whoever_left_is_not_sent_what_was_due(publisher: Publisher, world: World) -> None:
    await listener(publisher, TEST)
    other = await listener(publisher, "results:income")

    publisher.touch(TEST)
    publisher.leave(TEST)
    publisher.predicted([row(1)])
    await other.hears()

    assert world.reads == 0


async def test_predictions_are_shown_newest_first_whichever_algorithm_made_them(
    publisher: Publisher,
) -> None:
    publisher.predicted([row(1), row(3), row(2, TREES, arm=12)])

    shown = await publisher.snapshot("results:income")

    assert [(each["request_id"], each["algorithm"]) for each in shown["results"]] == [
        (3, 1),
        (2, 2),
        (1, 1),
    ]
    assert shown["results"][0] == {
        "request_id": 3,
        "algorithm": 1,
        "version": "0.0.1",
        "label": "yes",
        "probability": 0.75,
        "latency_ms": 1.5,
        "at": "2026-01-02T03:04:05+00:00",
    }


async def test_a_prediction_of_an_arm_moves_its_test(publisher: Publisher) -> None:
    somebody = await listener(publisher, TEST)
    part = cast("Part", type("Part", (), {"log": [row(1)]}))

    live.predicted([part])

    assert (await somebody.hears())["topic"] == TEST


async def test_a_prediction_outside_the_test_does_not(publisher: Publisher, world: World) -> None:
    await listener(publisher, TEST)
    somebody = await listener(publisher, "results:income")

    publisher.predicted([row(1, FOREST, arm=None)])
    await somebody.hears()

    assert world.reads == 0


async def test_a_newcomer_is_shown_the_path_so_far(publisher: Publisher, world: World) -> None:
    world.path = [200, 400]

    assert (await publisher.snapshot(TEST))["history"] == {"n": [200, 400]}
    assert "history" not in await publisher.snapshot(TEST, first=False)


async def test_the_path_grows_while_nobody_watches(publisher: Publisher, world: World) -> None:
    somebody = await listener(publisher, live.OPERATIONS)
    world.labelled = 100

    live.touch(TEST)
    await somebody.hears()  # a second has passed
    await somebody.hears()

    assert (world.reads, world.path) == (1, [200])


async def test_the_path_grows_by_what_was_read_for_somebody(
    publisher: Publisher, world: World
) -> None:
    watcher = await listener(publisher, TEST)
    world.labelled = 100
    live.touch(TEST)
    await watcher.hears()

    somebody = await listener(publisher, live.OPERATIONS)
    await somebody.hears()
    await somebody.hears()

    assert (world.reads, world.path) == (1, [200])


async def test_what_was_read_before_it_moved_is_no_point_of_the_path(
    publisher: Publisher, world: World
) -> None:
    """Nobody is watching: what somebody read a moment ago is not what there is now."""
    somebody = await listener(publisher, live.OPERATIONS)
    await somebody.hears()
    world.labelled = 100
    await publisher.snapshot(TEST)
    world.labelled = 150
    live.touch(TEST)
    await somebody.hears()
    await somebody.hears()

    assert world.path[-1] == 300


async def test_a_path_that_cannot_be_kept_stops_nothing(
    publisher: Publisher, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    somebody = await listener(publisher, live.OPERATIONS)
    world.away = True
    live.touch(TEST)
    await somebody.hears()
    await somebody.hears()
    world.away = False
    live.touch(TEST)
    await somebody.hears()
    await somebody.hears()

    assert world.path == [0]
    assert "test 7 was not followed" in caplog.text


async def test_operations_speak_every_second_without_being_asked(publisher: Publisher) -> None:
    somebody = await listener(publisher, live.OPERATIONS)

    heard = await somebody.hears()

    assert heard["endpoints"][0]["name"] == "income"
    assert "history" not in heard["endpoints"][0]
    assert heard["sockets"] == 3


async def test_operations_bring_their_curves_to_a_newcomer(publisher: Publisher) -> None:
    shown = await publisher.snapshot(live.OPERATIONS)

    assert set(shown["endpoints"][0]["history"]) == {"t", "rate", "p50", "p99", "batch"}


async def test_a_database_that_was_away_is_asked_again(
    publisher: Publisher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY", 0.01)
    somebody = await listener(publisher, TEST)
    world.away = True
    live.touch(TEST)
    assert await asyncio.to_thread(world.asked.wait, PATIENCE)
    world.away = False

    assert (await somebody.hears())["topic"] == TEST


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "weather",
        "operations:1",
        "results:",
        "results:nobody",
        "experiment:",
        "experiment:8",
        "experiment:-7",
        "experiment:\u0667",
        "experiment:" + "9" * 30,
        "experiment:7:7",
        "\ud800",
        "x" * 100_000,
    ],
)
async def test_there_is_no_such_topic(publisher: Publisher, topic: str) -> None:
    with pytest.raises(FrameInvalid):
        await publisher.snapshot(topic)


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("operations", "live.operations"),
        (TEST, "live.experiment.7"),
        ("results:income_classifier", "live.results.income_classifier"),
    ],
)
def test_a_group_is_named_after_its_topic(topic: str, name: str) -> None:
    assert live.group(topic) == name


@pytest.mark.parametrize("topic", ["results:a b", "results:" + "x" * 120, "results:ü", "\ud800"])
def test_a_topic_that_groups_cannot_be_named_after_gets_a_name_all_the_same(topic: str) -> None:
    layer = get_channel_layer()
    assert layer is not None
    assert layer.require_valid_group_name(live.group(topic))
    assert live.group(topic) != live.group(topic + "x")


def test_where_nothing_is_published_nobody_is_told() -> None:
    live.touch(TEST)
    live.predicted([])

    with pytest.raises(Draining):
        live.current()
