"""One address, however Redis stands behind it: alone, over TLS, or under sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError

from asgi_project import env, redis_url
from asgi_project.env import Environment
from asgi_project.readers import ConfigError
from tests import redises
from tests.redises import Secured, Watched

SECRET = "s" * 48
SECONDS = 20.0
HEROKU = {"DYNO": "web.1"}


def environment(url: str, **more: str) -> Environment:
    return env.read({"SECRET_KEY": SECRET, "REDIS_URL": url, **more})


# -- what it says


def test_a_plain_address_is_taken_as_it_stands() -> None:
    url = "redis://user:word@h:6380/1"

    assert redis_url.connection(environment(url)) == {"address": url}


def test_a_server_over_tls_must_prove_who_it_is() -> None:
    assert redis_url.connection(environment("rediss://h")) == {"address": "rediss://h"}


def test_certificates_of_ones_own_are_looked_at_instead(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    found = redis_url.connection(environment("rediss://h", WEIR_REDIS_CA=str(tmp_path / "ca.pem")))

    assert found == {"address": "rediss://h", "ssl_ca_certs": str(tmp_path / "ca.pem")}


@pytest.mark.parametrize("more", [HEROKU, {"WEIR_REDIS_VERIFY_TLS": "false"}])
def test_on_heroku_and_where_one_says_so_no_proof_is_asked_for(more: dict[str, str]) -> None:
    assert redis_url.connection(environment("rediss://h", **more)) == {
        "address": "rediss://h",
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
    }


def test_without_tls_there_is_nothing_to_prove() -> None:
    assert redis_url.connection(environment("redis://h", **HEROKU)) == {"address": "redis://h"}


def test_certificates_of_ones_own_turn_the_proof_on_again(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    assert environment(
        "rediss://h", WEIR_REDIS_CA=str(tmp_path / "ca.pem"), **HEROKU
    ).redis_verify_tls


def test_sentinels_are_read_with_their_service_and_login() -> None:
    found = redis_url.connection(environment("redis+sentinel://u:p%40ss@a:1,b,[::1]:3/my%20one/2"))

    retry = found["sentinel_kwargs"].pop("retry")
    assert retry.get_retries() == 0
    assert found == {
        "sentinels": [("a", 1), ("b", 26379), ("::1", 3)],
        "master_name": "my one",
        "db": 2,
        "username": "u",
        "password": "p@ss",
        "sentinel_kwargs": {"socket_timeout": 1.0, "socket_connect_timeout": 1.0},
    }


def test_sentinels_over_tls_are_asked_over_tls_too() -> None:
    found = redis_url.connection(environment("rediss+sentinel://a/weir", **HEROKU))

    tls = {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    assert found.items() >= tls.items()
    assert found["sentinel_kwargs"].items() >= tls.items()


REFUSED = [
    ("http://h", "must start with redis:// or rediss:// or unix:// or redis+sentinel://"),
    ("redis:h", "must start with redis://"),
    ("redis://", "names no host"),
    ("redis://:hush/ss@h:1", "names a port that is none"),
    ("redis://h:66000", "names a port that is none"),
    ("redis://h:1/hush", "names a database that is no number"),
    ("unix://", "names no socket"),
    ("redis+sentinel://h:1", "must look like redis+sentinel://host:26379"),
    ("redis+sentinel://h:1/", "must look like redis+sentinel://host:26379"),
    ("redis+sentinel://h:1/weir?password=hush", "must look like redis+sentinel://host:26379"),
    ("redis+sentinel://h:1,:2/weir", "names no host"),
    ("redis+sentinel://h:x/weir", "names a port that is none"),
    ("redis+sentinel://h/weir/hush", "names a database that is no number"),
]


@pytest.mark.parametrize(("url", "sentence"), REFUSED)
def test_what_redis_py_would_guess_at_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        environment(url)

    assert str(refusal.value).startswith(f"REDIS_URL {sentence}")
    assert "hush" not in str(refusal.value)


ACCEPTED = [
    "redis://h",
    "redis://h/",
    "redis://h:6380/15?client_name=weir",
    "rediss://:p@[::1]:6379/0",
    "unix:///run/redis.sock?db=1",
    "redis+sentinel://h/weir",
]


@pytest.mark.parametrize("url", ACCEPTED)
def test_what_redis_py_understands_is_accepted(url: str) -> None:
    assert environment(url).redis_url == url


def test_a_certificate_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"names .*none.pem, which is no file"):
        environment("rediss://h", WEIR_REDIS_CA=str(tmp_path / "none.pem"))


def test_a_certificate_that_nobody_looks_at_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    with pytest.raises(ConfigError, match="never looked at"):
        environment("rediss://h", WEIR_REDIS_CA=str(tmp_path / "ca.pem"), WEIR_REDIS_VERIFY_TLS="0")


# -- and that it is so

real = pytest.mark.e2e


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with redises.secured(tmp_path_factory.mktemp("tls")) as found:
        yield found


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with redises.watched(tmp_path) as found:
        yield found


@pytest.fixture(params=["unverified", "verified", "heroku", "sentinel"])
def reached(request: pytest.FixtureRequest) -> Environment:
    """Every way in which Redis can be reached beyond the plain one."""
    if request.param == "sentinel":
        watched: Watched = request.getfixturevalue("watched")
        return environment(watched.url)
    secured: Secured = request.getfixturevalue("secured")
    more = {
        "unverified": {"WEIR_REDIS_VERIFY_TLS": "false"},
        "verified": {"WEIR_REDIS_CA": str(secured.certificate)},
        "heroku": HEROKU,
    }
    return environment(secured.url, **more[request.param])


def layer(of: Environment) -> Any:
    """As the settings configure it."""
    host = {**redis_url.connection(of), "socket_timeout": None}
    return RedisPubSubChannelLayer(hosts=[host])


async def heard(of: Environment) -> Any:
    """What a member of a group hears of what is said to it."""
    speaker, listener = layer(of), layer(of)
    try:
        channel = await listener.new_channel()
        await listener.group_add("group", channel)
        await speaker.group_send("group", {"type": "said", "words": "hello"})
        return await asyncio.wait_for(listener.receive(channel), SECONDS)
    finally:
        await closed(listener)
        await closed(speaker)


async def closed(layer: Any) -> None:
    """With its connections to the sentinels, which channels_redis leaves open."""
    shard = layer._get_layer()._shards[0]
    sentinels = getattr(shard._redis and shard._redis.connection_pool, "sentinel_manager", None)
    await layer.flush()
    if sentinels is not None:
        await sentinels.aclose()


@real
async def test_a_client_writes_and_reads(reached: Environment) -> None:
    client = redis_url.client(reached, socket_timeout=SECONDS, decode_responses=True)
    try:
        await client.set("key", "value")
        assert await client.get("key") == "value"
    finally:
        await client.aclose()


@real
async def test_a_group_hears_what_is_said_to_it(reached: Environment) -> None:
    assert await heard(reached) == {"type": "said", "words": "hello"}


@real
async def test_a_server_that_cannot_prove_who_it_is_is_refused(secured: Secured) -> None:
    client = redis_url.client(environment(secured.url), retry=None, socket_timeout=SECONDS)
    with pytest.raises(NotConnected, match="CERTIFICATE_VERIFY_FAILED"):
        await client.ping()
    await client.aclose()

    with pytest.raises(NotConnected, match="CERTIFICATE_VERIFY_FAILED"):
        await heard(environment(secured.url))


# -- a failover


@pytest.fixture
async def sentinel(watched: Watched) -> AsyncIterator[Redis]:
    client = Redis(port=watched.sentinel, decode_responses=True)
    await until(lambda: _ready(client))
    yield client
    await client.aclose()


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    """Asks until it is so; the test's own timeout is the end of patience."""
    while not await what():  # noqa: ASYNC110  # what happens in another process sets no event here
        await asyncio.sleep(0.05)


async def _ready(sentinel: Redis) -> bool:
    """Whether the sentinel knows of a replica that could take over."""
    replicas: Any = await sentinel.sentinel_slaves(redises.SERVICE)
    return any(each["flags"] == "slave" and each["master-link-status"] == "ok" for each in replicas)


async def _written(client: Redis, elsewhere: Redis, value: str) -> bool:
    """Whether what the client wrote can be read there; Redis may refuse meanwhile, or forget."""
    try:
        await client.set("key", value)
        return bool(await elsewhere.get("key") == value)
    except RedisError:
        return False


@asynccontextmanager
async def moving(watched: Watched) -> AsyncIterator[tuple[Redis, Redis, Redis]]:
    """The client under test, and the two servers as the test itself asks them."""
    client = redis_url.client(environment(watched.url), socket_timeout=2, socket_connect_timeout=2)
    servers = [
        Redis(port=port, decode_responses=True) for port in (watched.primary, watched.replica)
    ]
    async with client, servers[0] as old, servers[1] as new:
        assert await _written(client, old, "before")
        yield client, old, new


@real
async def test_when_the_primary_dies_its_successor_is_written_to(
    watched: Watched, sentinel: Redis
) -> None:
    async with moving(watched) as (client, old, new):
        await old.shutdown(nosave=True, now=True, force=True)

        async with asyncio.timeout(10):  # 1 s until the sentinel believes it, 1 to 2 s to promote
            await until(lambda: _written(client, new, "after"))


@real
async def test_when_the_primary_steps_down_its_successor_is_written_to(
    watched: Watched, sentinel: Redis
) -> None:
    async with moving(watched) as (client, _, new):
        await sentinel.execute_command("SENTINEL FAILOVER", redises.SERVICE)  # type: ignore[no-untyped-call]  # redis-py has types only here and there

        async with asyncio.timeout(20):  # sentinels leave the old one in office for 8 to 12 s
            await until(lambda: _written(client, new, "after"))
