"""A server as `manage.py serve` starts it, that waits for nobody longer than a second or two.

And little fits between one of its sockets and the client: megabytes of answers, which the system
would keep, take a slow machine longer to make than a client may leave a ping unanswered.
"""

from __future__ import annotations

import os
import socket
from typing import Any

import django

SECONDS = 1.5
NARROW = 128 * 1024  # bytes


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asgi_project.settings")
    django.setup()
    from django.conf import settings

    from asgi_project import protocols, serve
    from asgi_project.asgi import Weir
    from consumers import outbox

    protocols.Http.head_seconds = protocols.Http.stuck_seconds = SECONDS

    class Narrow(protocols.WebSocket):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            line = transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW)

    protocols.WebSocket = Narrow  # type: ignore[misc]  # what `serve` is to take
    outbox.SEND_SECONDS = SECONDS  # type: ignore[misc]  # Final everywhere but here
    env = settings.WEIR
    serve.server(env, Weir(env, body_seconds=SECONDS)).run()


if __name__ == "__main__":
    main()
