"""Which engine this deployment has, and the connections that it takes."""

from __future__ import annotations

from typing import Final

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from asgi_project import redis_url
from asgi_project.env import Environment
from inference.core.batching import BatchPolicy
from inference.core.parcels import Keys
from inference.engine import inbound, pump, remote
from inference.engine.commit import GroupCommit
from inference.engine.link import Link
from inference.engine.local import LocalEngine
from inference.engine.remote import Distance, RemoteEngine
from inference.engine.rescue import Write
from inference.engine.serving import Observer

# A batch that the model is expected to answer faster runs on the loop; a thread would wait longer
# than that for the interpreter when the loop is busy (measured: a tenth more per answer).
INLINE_SECONDS: Final = 0.003
COMMAND_SECONDS: Final = 2.0  # a command that takes longer has failed


def local(env: Environment, write: Write, observer: Observer | None = None) -> LocalEngine:
    """Holds models and batches here; `write` logs."""
    commit = GroupCommit(write, max_rows=env.max_queue_rows)
    waits = (env.max_wait_ms / 1000, env.standing_wait_ms / 1000)
    policy = BatchPolicy(env.max_batch_rows, env.max_queue_rows, INLINE_SECONDS, *waits)
    return LocalEngine(policy, commit, observer=observer)


def distant(env: Environment) -> RemoteEngine:
    """Sends jobs to the workers; three connections."""
    lines = remote.Lines(
        out=link(env, COMMAND_SECONDS),
        back=link(env, inbound.BLOCK + COMMAND_SECONDS),
        look=link(env, COMMAND_SECONDS),
    )
    distance = Distance(env.max_batch_rows, env.max_queue_rows, env.standing_wait_ms / 1000)
    return RemoteEngine(lines, keys(env), distance)


def worker_lines(env: Environment) -> pump.Lines:
    """What a worker needs; two connections."""
    return pump.Lines(
        read=link(env, pump.BLOCK / 1000 + COMMAND_SECONDS), write=link(env, COMMAND_SECONDS)
    )


def keys(env: Environment) -> Keys:
    return Keys(env.namespace)


def link(env: Environment, seconds: float) -> Link:
    """A connection whose commands take at most so long, and are never sent twice by themselves."""
    return Link(
        redis_url.client(
            env,
            protocol=2,
            max_connections=1,
            socket_timeout=seconds,
            socket_connect_timeout=COMMAND_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    )
