"""A process of clients, until SIGTERM and then until all is answered.

They are a process of their own so that whatever a test does to the servers, or waits for, happens
beside them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from tests.faults.crew import Client, Load, Spec
from tests.faults.journal import Journal
from tests.faults.rest import Deferred, Keyed, Plain
from tests.faults.streams import Session, Stream

# After this long whoever is not answered never will be, and the checker says so.
LAST_SECONDS: Final = 45.0
KINDS: Final[Mapping[str, type[Client]]] = {
    "plain": Plain,
    "keyed": Keyed,
    "deferred": Deferred,
    "stream": Stream,
    "session": Session,
}


async def run(spec: Spec) -> None:
    load = Load(spec, Journal(Path(spec.journal)), asyncio.Event())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.stopping.set)
    names = [(kind, i) for kind, number in sorted(spec.crew.items()) for i in range(number)]
    clients = [KINDS[kind](f"{kind}-{i}", number, load) for number, (kind, i) in enumerate(names)]
    working = [asyncio.create_task(client.run()) for client in clients]
    stopping = asyncio.create_task(load.stopping.wait())
    # A client that fails is a mistake of ours and ends the process.
    await asyncio.wait([*working, stopping], return_when=asyncio.FIRST_COMPLETED)
    async with asyncio.timeout(LAST_SECONDS):
        await asyncio.gather(*working)


if __name__ == "__main__":
    asyncio.run(run(msgspec.json.decode(sys.argv[1], type=Spec)))
