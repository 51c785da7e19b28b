"""A server as `manage.py serve` starts it, that waits for nobody longer than a second or two."""

from __future__ import annotations

import os

import django

SECONDS = 1.5


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asgi_project.settings")
    django.setup()
    from django.conf import settings

    from asgi_project import protocols, serve
    from asgi_project.asgi import Weir
    from consumers import outbox

    protocols.Http.head_seconds = protocols.Http.stuck_seconds = SECONDS
    outbox.SEND_SECONDS = SECONDS  # type: ignore[misc]  # Final everywhere but here
    env = settings.WEIR
    serve.server(env, Weir(env, body_seconds=SECONDS)).run()


if __name__ == "__main__":
    main()
