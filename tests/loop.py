"""An event loop in a thread, for tests that stand outside of it as synchronous code does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

SECONDS = 20.0


class Loop:
    """An event loop in a thread of its own, as a server has one."""

    def __enter__(self) -> Loop:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="server")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(SECONDS)
        self.loop.close()

    def run(self, asked: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(SECONDS)
