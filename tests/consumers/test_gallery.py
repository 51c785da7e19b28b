"""However many listen to a topic, its group has one member here, and none once they left."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer

from consumers.gallery import Gallery
from inference import live

TEST = "experiment:7"
HEARD = (TEST, "{}")


@pytest.fixture
def layer() -> InMemoryChannelLayer:
    channel_layers.backends.clear()
    return cast("InMemoryChannelLayer", get_channel_layer())


async def test_all_hear_what_one_member_of_the_group_is_told(layer: InMemoryChannelLayer) -> None:
    gallery, heard = Gallery(), asyncio.Queue[tuple[str, str]]()
    ears = [lambda *said: heard.put_nowait(said) for _ in range(100)]
    for ear in ears:
        await gallery.join(TEST, ear)

    await layer.group_send(live.group(TEST), {"type": live.MESSAGE, "text": "{}"})

    async with asyncio.timeout(5):
        assert [await heard.get() for _ in ears] == [HEARD] * 100
    assert len(layer.groups[live.group(TEST)]) == 1
    for ear in ears:
        gallery.leave(TEST, ear)


async def test_who_left_hears_nothing_and_the_last_one_leaves_the_group(
    layer: InMemoryChannelLayer,
) -> None:
    gallery, heard = Gallery(), asyncio.Queue[str]()

    def first(*_: str) -> None:
        heard.put_nowait("first")

    def second(*_: str) -> None:
        heard.put_nowait("second")

    await gallery.join(TEST, first)
    await gallery.join(TEST, second)
    gallery.leave(TEST, first)
    await layer.group_send(live.group(TEST), {"type": live.MESSAGE, "text": "{}"})

    async with asyncio.timeout(5):
        assert await heard.get() == "second"
        gallery.leave(TEST, second)
        while layer.groups.get(live.group(TEST)):  # noqa: ASYNC110  # nobody says so
            await asyncio.sleep(0)
    assert heard.empty()
    gallery.leave(TEST, second)
