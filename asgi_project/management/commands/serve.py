"""`manage.py serve`: this deployment's server, with its drain."""

from __future__ import annotations

import json
import socket
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from asgi_project.env import Environment
from asgi_project.family import Family
from inference.core import graphs
from inference.core.graphs import GRAPH, Graph
from inference.core.schema import Feature, Schema
from inference.models import MLAlgorithm


class Command(BaseCommand):
    """Prints where everything is, then serves until it is told to stop."""

    help = "Serve REST, WebSocket and the dashboard; SIGTERM answers what was accepted, then stops."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, help=SUPPRESS)  # a socket that a parent listens on,
        parser.add_argument("--parent", type=int, help=SUPPRESS)  # who that is,
        parser.add_argument("--number", type=int, help=SUPPRESS)  # and which of its children we are

    def handle(self, *args: Any, **options: Any) -> None:
        env: Environment = settings.WEIR
        if options["fd"] is not None:
            _serve(env, socket.socket(fileno=options["fd"]), options["parent"], options["number"])
            return
        for port in _ports(env):
            refuse_taken(env.host, port)
        for line in _welcome(env):
            self.stdout.write(line)
        self.stdout.flush()
        connection.close()  # this thread asks nothing more, and a pool has few
        if env.web_concurrency == 1:
            _serve(env)
        elif code := Family(env).run():
            raise CommandError("A web process did not stop as it should.", returncode=code)


def _serve(
    env: Environment,
    shared: socket.socket | None = None,
    parent: int | None = None,
    number: int | None = None,
) -> None:
    from asgi_project.asgi import application
    from asgi_project.serve import server

    application.number = number or 0
    server(env, application, parent).run(sockets=[shared] if shared else None)


def _ports(env: Environment) -> list[int]:
    first = env.metrics_port
    aside = [] if first is None else [first + number for number in range(env.web_concurrency)]
    return [env.port, *aside]


def refuse_taken(host: str, port: int) -> None:
    """A sentence instead of a trace when somebody else has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sentence = f"{host}:{port} cannot be used ({error.strerror}); choose another."
            raise CommandError(sentence) from error


def _welcome(env: Environment) -> list[str]:
    host = "127.0.0.1" if env.host in {"0.0.0.0", "::"} else env.host  # noqa: S104  # shown only
    base = f"http://{host}:{env.port}"
    lines = [
        "",
        f"  Dashboard  {base}/",
        f"  API        {base}/api/v1/   (docs: {base}/api/v1/docs)",
        f"  Admin      {base}/admin/",
    ]
    return [*lines, *_bare(env), *_example(base), ""]


def _bare(env: Environment) -> list[str]:
    """In production files are served as `collectstatic` left them; without it pages are bare."""
    if env.is_open or any(Path(settings.STATIC_ROOT).glob("*")):
        return []
    return ["", "  Pages have no styles yet: manage.py collectstatic --noinput"]


def _example(base: str) -> list[str]:
    """A line that works when pasted, for the first algorithm in production."""
    rows = MLAlgorithm.objects.select_related("parent_endpoint")
    algorithm = rows.filter(current_status="production").first()
    if algorithm is None:
        return ["", "  No model yet: make demo, or manage.py demo breast_cancer"]
    record = json.dumps(_record(algorithm.schema))
    url = f"{base}/api/v1/{algorithm.parent_endpoint.name}/predict"
    quoted = record.replace("'", "'\\''")
    return ["", f"  curl -s {url} -H 'Content-Type: application/json' -d '{quoted}'"]


def _record(schema: dict[str, Any]) -> dict[str, object]:
    if GRAPH in schema:
        return graphs.example(Graph.from_json(schema))
    features = Schema.from_json(schema).features[:3]
    return {feature.name: _typical(feature) for feature in features}


def _typical(feature: Feature) -> float | str:
    if feature.categories:
        return feature.categories[0]
    return round(((feature.minimum or 0.0) + (feature.maximum or 0.0)) / 2, 2)
