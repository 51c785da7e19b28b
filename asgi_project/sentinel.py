"""A client of whichever server the sentinels call the primary, now and after a failover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool


class _Pool(SentinelConnectionPool):
    """Its connections to the sentinels end with those to the primary."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def primary(
    sentinels: Sequence[tuple[str, int]],
    master_name: str,
    sentinel_kwargs: Mapping[str, Any],
    **options: Any,
) -> Redis:
    """Connected anew to the new primary as soon as the old one is gone or takes no writes."""
    known = Sentinel(  # type: ignore[no-untyped-call]  # redis-py has types only here and there
        sentinels, sentinel_kwargs=sentinel_kwargs
    )
    client: Redis = known.master_for(master_name, connection_pool_class=_Pool, **options)
    return client
