"""What fails in Redis is told apart, and nothing is said twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference.engine.link import Away, Full, Link, Refused
from tests.engine.crowd import turns
from tests.engine.pair import until
from tests.queues import Place, Server

ADD = "#!lua\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])"
SLEEPS = """#!lua
redis.call('RPUSH', KEYS[1], 'once')
local until_ = redis.call('TIME')
local deadline = until_[1] * 1000000 + until_[2] + tonumber(ARGV[1]) * 1000
repeat
  local now = redis.call('TIME')
until now[1] * 1000000 + now[2] > deadline
"""


def key(place: Place, name: str) -> str:
    return f"{{{place.namespace}}}:{name}"


@pytest.fixture
async def link(place: Place) -> AsyncIterator[Link]:
    link = place.link()
    yield link
    await link.close()


@pytest.fixture
async def own(server: Server) -> AsyncIterator[Link]:
    link = server.place.link()
    yield link
    await link.close()


async def test_a_command_is_answered(place: Place, link: Link) -> None:
    assert await link.script(ADD, [key(place, "l")], "x") == 1
    assert await link.call("LRANGE", key(place, "l"), 0, -1) == [b"x"]


async def test_what_redis_will_not_do_says_why(place: Place, link: Link) -> None:
    await link.call("SET", key(place, "text"), "text")

    with pytest.raises(Refused) as wrong:
        await link.call("RPUSH", key(place, "text"), "x")
    with pytest.raises(Refused) as unknown:
        await link.call("WEIR")
    with pytest.raises(Refused) as no_group:
        await link.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", key(place, "s"), ">")

    assert [each.value.code for each in (wrong, unknown, no_group)] == [
        "WRONGTYPE",
        "ERR",
        "NOGROUP",
    ]


async def test_several_scripts_have_their_answers_in_order_whatever_befalls_one(
    place: Place, link: Link
) -> None:
    await link.call("SET", key(place, "text"), "text")
    calls = [(ADD, (key(place, name),), (name,)) for name in ("a", "text", "a")]

    first, refused, third = await link.scripts(calls)

    assert (first, third) == (1, 2)
    assert isinstance(refused, Refused)
    assert refused.code == "WRONGTYPE"


async def test_a_single_script_has_its_refusal_as_a_value_too(place: Place, link: Link) -> None:
    await link.call("SET", key(place, "text"), "text")

    (refused,) = await link.scripts([(ADD, (key(place, "text"),), ("x",))])

    assert isinstance(refused, Refused)
    assert await link.scripts([]) == []


async def test_a_redis_without_memory_is_full(server: Server, own: Link) -> None:
    server.configure("maxmemory", "1")
    call = (ADD, ("l",), ("x",))

    with pytest.raises(Full):
        await own.call("RPUSH", "l", "x")
    with pytest.raises(Full):
        await own.script(ADD, ["l"], "x")
    assert [type(each) for each in await own.scripts([call])] == [Full]
    assert [type(each) for each in await own.scripts([call, call])] == [Full, Full]


async def test_a_replica_is_not_whom_to_talk_to(server: Server, own: Link) -> None:
    await own.script(ADD, ["l"], "x")  # so that it is known and refused for what it does
    server.place.call("REPLICAOF", "127.0.0.1", server.port)
    before = await own.call("CLIENT", "ID")

    with pytest.raises(Away, match="ReadOnly"):
        await own.call("RPUSH", "l", "x")
    with pytest.raises(Away):
        await own.scripts([(ADD, ("l",), ("x",))] * 2)

    assert await own.call("CLIENT", "ID") != before, "the next command asks anew where to go"


async def test_a_server_that_is_gone_is_away_until_it_is_back(server: Server, own: Link) -> None:
    await own.call("PING")
    server.kill()

    for _ in range(2):
        with pytest.raises(Away):
            await own.call("PING")
        with pytest.raises(Away):
            await own.scripts([(ADD, ("l",), ("x",))] * 2)

    server.start()
    assert await own.call("RPUSH", "l", "x") == 1


async def test_a_command_that_takes_too_long_is_not_sent_again(server: Server) -> None:
    link = server.place.link(0.1)
    with pytest.raises(Away, match="Timeout"):
        await link.script(SLEEPS, ["l"], 300)

    assert await asyncio.to_thread(server.place.call, "LLEN", "l") == 1
    await link.close()


async def test_a_connection_that_is_cut_does_not_send_again(server: Server, own: Link) -> None:
    waiting = asyncio.ensure_future(own.call("BLPOP", "l", 0))
    await until(lambda: server.place.client.info("clients")["blocked_clients"])
    server.hang_up()

    with pytest.raises(Away):
        await waiting

    assert server.place.call("RPUSH", "l", "x") == 1, "nobody waits for it any more"
    assert await own.call("LLEN", "l") == 1


async def test_commands_take_turns_on_one_connection(place: Place, link: Link) -> None:
    ids = await asyncio.gather(*(link.call("CLIENT", "ID") for _ in range(20)))

    assert len(set(ids)) == 1


async def test_whoever_hangs_up_gets_nobody_elses_answer(place: Place, link: Link) -> None:
    for name in ("a", "b"):
        await link.call("SET", key(place, name), name)
    for _ in range(20):
        leaves = asyncio.ensure_future(link.call("GET", key(place, "a")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leaves.cancel()

        assert await link.call("GET", key(place, "b")) == b"b"


async def test_a_password_that_is_wrong_is_not_a_refusal_of_the_command(server: Server) -> None:
    """It may be put right over there; the process need not start anew for it."""
    server.configure("requirepass", "secret")
    link = server.place.link()
    with pytest.raises(Away):
        await link.call("PING")
    await link.close()


@pytest.mark.parametrize("scripts", [1, 2])
@pytest.mark.parametrize("after", range(12))
async def test_whoever_is_cancelled_ends_at_whatever_moment(
    place: Place, link: Link, after: int, scripts: int
) -> None:
    calls = [(ADD, (key(place, "l"),), ("x",))] * scripts
    for _ in range(20):
        task = asyncio.ensure_future(link.scripts(calls))
        await turns(after)
        ended = task.done()
        task.cancel()
        await asyncio.wait({task})

        assert ended or task.cancelled()
