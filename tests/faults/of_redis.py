"""Faults of Redis and of the ways to it: gone, empty, slow, full, moved, repeating itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from tests.faults.cluster import KEYS, Cluster, Member, until
from tests.faults.nemesis import Scene, fault
from tests.faults.proxy import HOST, Proxy
from tests.faults.services import Redis
from tests.faults.weather import Line

_SLOW: Final = Line(latency=0.2, jitter=0.1, bytes_per_second=10_000)
_STALL: Final = 7  # seconds, more than any client of Redis waits
_MOST_CONNECTIONS: Final = {"web": 5, "worker": 3}
_NOTICE_SECONDS: Final = 15.0
_COPIES: Final = 50


@fault("F9", "Redis is killed and comes back with its file")
def redis_killed(scene: Scene) -> None:
    redis = scene.cluster.store
    redis.process.kill()
    time.sleep(scene.dice.choice((0.1, 3.0, 20.0) if scene.patient else (0.1, 3.0)))
    redis.start()


@fault("F10", "Redis forgets: restarted without a file, flushed, its groups destroyed")
def redis_forgets(scene: Scene) -> None:
    redis = scene.cluster.store
    redis.process.kill()
    redis.again(durable=False)
    scene.lasts(1.5, 5.0)
    redis.client.flushall()
    scene.lasts(1.5, 5.0)
    for key in redis.client.scan_iter(match=f"{KEYS}:jobs:*"):
        for group in redis.client.xinfo_groups(key):
            redis.client.xgroup_destroy(key, group["name"])


@fault("F12", "nothing passes between some processes and Redis, and nobody is told")
def half_open(scene: Scene) -> None:
    ways = _ways(scene.cluster)
    cut_off = scene.dice.sample(ways, scene.dice.randint(1, len(ways)))
    for way in cut_off:
        way.swallow()
    scene.lasts(6.0, 30.0)
    for way in cut_off:
        way.heal()


@fault("F13", "the ways to Redis are long, uneven and narrow", allowed=())
def slow_ways(scene: Scene) -> None:
    for way in _ways(scene.cluster):
        way.slow(_SLOW)
    scene.lasts(4.0, 20.0)
    for way in _ways(scene.cluster):
        way.heal()


@fault("F14", "a replica takes over, and the old primary only reads")
def failover(scene: Scene) -> None:
    cluster, primary = scene.cluster, scene.cluster.store
    replica = Redis(cluster.data, name=f"redis-of-run-{scene.run}")
    replica.start()
    replica.client.replicaof(HOST, str(primary.port))
    until(lambda: _synchronous(replica), _NOTICE_SECONDS, "the replica has all of the primary")
    for way in _ways(cluster):
        way.upstream = replica.port
    replica.client.replicaof("NO", "ONE")
    primary.client.replicaof(HOST, str(replica.port))
    scene.healed()
    cluster.redis = replica
    scene.lasts(3.0, 10.0)
    primary.end()


@fault("F15", "Redis is full and refuses to write")
def full(scene: Scene) -> None:
    redis = scene.cluster.store
    redis.configure(maxmemory=str(redis.client.info("memory")["used_memory"] // 2))
    scene.lasts(3.0, 15.0)
    redis.configure(maxmemory="0")


@fault("F16", "Redis is told to evict keys when it is full")
def evicts(scene: Scene) -> None:
    scene.cluster.store.configure(maxmemory_policy="allkeys-lru")
    _all_say(scene.cluster, ready=False)
    scene.cluster.store.configure(maxmemory_policy="noeviction")
    _all_say(scene.cluster, ready=True)


@fault("F17", "Redis has no room for another connection")
def crowded(scene: Scene) -> None:
    for member in scene.cluster.members:
        used = member.way.connections
        assert used <= _MOST_CONNECTIONS[member.kind], f"{member.name} has {used} connections"
    scene.cluster.store.configure(maxclients="4")
    for way in _ways(scene.cluster):
        way.reset()
    scene.lasts(3.0, 15.0)
    scene.cluster.store.configure(maxclients="10000")


@fault("F18", "Redis stalls for longer than anybody waits")
def stalled(scene: Scene) -> None:
    scene.cluster.store.client.execute_command("DEBUG", "SLEEP", _STALL)


@fault("F36", "requests are delivered twice, answers twice and late")
def repeated(scene: Scene) -> None:
    redis = scene.cluster.store
    with _asleep(scene.cluster.workers):
        until(partial(_copy_requests, redis), _NOTICE_SECONDS, "a request to deliver twice")
    with _asleep(scene.cluster.webs):
        until(partial(_copy_answers, redis), _NOTICE_SECONDS, "an answer to deliver twice")


def _ways(cluster: Cluster) -> list[Proxy]:
    return [member.way for member in cluster.members]


def _synchronous(replica: Redis) -> bool:
    return bool(replica.client.info("replication").get("master_link_status") == "up")


def _all_say(cluster: Cluster, *, ready: bool) -> None:
    def agreed() -> bool:
        return all(web.answers is ready for web in cluster.webs)

    until(agreed, _NOTICE_SECONDS, f"every web process says ready: {ready}")


@contextmanager
def _asleep(members: Sequence[Member]) -> Iterator[None]:
    """So that what others send them piles up."""
    for member in members:
        member.process.freeze()
    try:
        yield
    finally:
        for member in members:
            member.process.thaw()


def _copy_requests(redis: Redis) -> bool:
    """Whether there were any."""
    client, copies = redis.client, 0
    for stream in client.scan_iter(match=f"{KEYS}:jobs:*"):
        for _, fields in client.xrange(stream, count=_COPIES):
            client.xadd(stream, fields)
            copies += 1
    return copies > 0


def _copy_answers(redis: Redis) -> bool:
    """Whether there were any; each comes twice more, at the end."""
    client, copies = redis.client, 0
    for replies in client.scan_iter(match=f"{KEYS}:replies:*"):
        for answer in client.lrange(replies, 0, _COPIES):
            client.rpush(replies, answer, answer)
            copies += 1
    return copies > 0
