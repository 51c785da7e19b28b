"""The parcels that a worker has in hand: read, and neither answered nor given back."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence

from inference.core.parcels import GROUP
from inference.engine.change import Change
from inference.engine.finisher import Entry
from inference.engine.link import Script
from inference.engine.scripts import HOLD


class Hand:
    """Knows them by stream and id, and how many rows of each model they are."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, bytes], Entry] = {}
        self._rows: Counter[int] = Counter()
        self._change = Change()
        self._loop = asyncio.get_running_loop()
        self._moved_at = self._loop.time()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry: Entry) -> bool:
        return (entry.stream, entry.id) in self._entries

    @property
    def rows(self) -> int:
        """Of all models."""
        return self._rows.total()

    def rows_of(self, model: int) -> int:
        return self._rows[model]

    @property
    def idle_seconds(self) -> float:
        """How long nothing came and nothing went, with nothing in hand; 0 otherwise."""
        return 0.0 if self._entries else self._loop.time() - self._moved_at

    def take(self, entry: Entry) -> None:
        self._entries[entry.stream, entry.id] = entry
        self._rows[entry.model] += entry.rows
        self._moved_at = self._loop.time()

    def drop(self, entry: Entry) -> None:
        """It is finished."""
        if self._entries.pop((entry.stream, entry.id), None) is not None:
            self._rows[entry.model] -= entry.rows
            self._moved_at = self._loop.time()
            self._change.happened()

    async def without(self, entry: Entry) -> None:
        """Until it is finished."""
        await self._change.until(lambda: entry not in self)

    async def empty(self, deadline: float) -> bool:
        """Until nothing is in hand; False if `deadline` (loop time) came first."""
        return await self._change.until(lambda: not self._entries, deadline)

    def holds(self, consumer: str) -> Sequence[Script]:
        """What tells Redis that they are looked after."""
        by_stream: defaultdict[str, list[bytes]] = defaultdict(list)
        for stream, entry_id in self._entries:
            by_stream[stream].append(entry_id)
        return [(HOLD, (stream,), (GROUP, consumer, *ids)) for stream, ids in by_stream.items()]
