from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.core.errors import WeirError
from inference.core.lifecycle import Status

if TYPE_CHECKING:
    from inference.bundles import Bundle
    from inference.training.pack import Identity

_STATUSES = (Status.REGISTERED, Status.TESTING, Status.STAGING, Status.PRODUCTION)


class Command(BaseCommand):
    """Registers a model file."""

    help = (
        "Registers a model file: ONNX, skops or joblib, told apart by their bytes. A scikit-learn "
        "model is compiled to ONNX if that changes no answer. A joblib file runs its author's code "
        "while it is read: register only what you trust."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        # `--version` is the model's here, not Django's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--endpoint", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--version", required=True, dest="model_version")
        parser.add_argument(
            "--schema",
            type=Path,
            help="JSON; by default PATH with .schema.json at its end; an ONNX file needs none",
        )
        parser.add_argument(
            "--rows",
            type=Path,
            help="CSV or JSON rows to try the model on, best with their labels; drawn otherwise",
        )
        parser.add_argument("--owner", default="operator")
        parser.add_argument("--description", default="")
        parser.add_argument(
            "--status",
            default=Status.TESTING.value,
            choices=[each.value for each in _STATUSES],
        )

    def handle(self, *, path: Path, status: str, **given: object) -> None:
        # Imported here: `--help` must not load scikit-learn.
        from inference.management import publish
        from inference.training import pack

        identity = pack.Identity(
            endpoint=str(given["endpoint"]),
            name=str(given["name"]),
            version=str(given["model_version"]),
            owner=str(given["owner"]),
            description=str(given["description"]),
        )
        try:
            bundle = _bundle(identity, path, given)
            algorithm, created = publish.publish(bundle, Status(status), by="register")
        except (WeirError, ValueError) as error:
            raise CommandError(str(error)) from error
        told = publish.told(algorithm, bundle, created=created)
        self.stdout.write(f"{identity.endpoint}: {told}")


def _bundle(identity: Identity, path: Path, given: Mapping[str, object]) -> Bundle:
    """Of a graph, if it is an ONNX file that nobody wrote a schema for."""
    from inference.training import adopt, graphs

    named, rows = _optional(given["schema"]), _optional(given["rows"])
    beside = named or path.with_suffix(".schema.json")
    if graphs.is_bare(path, beside, named=named is not None):
        return adopt.adopt_graph(identity, path, rows)
    return adopt.adopt(identity, path, adopt.schema(beside), rows)


def _optional(value: object) -> Path | None:
    return value if isinstance(value, Path) else None
