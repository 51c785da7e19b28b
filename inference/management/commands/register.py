from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.core.errors import WeirError
from inference.core.lifecycle import Status

if TYPE_CHECKING:
    from inference.bundles import Bundle
    from inference.training.pack import Identity

BUNDLE: Final = ".weir"
_NAMES: Final = {"endpoint": "endpoint", "name": "name", "model_version": "version"}
_SAID: Final = (*_NAMES, "schema", "rows", "remote", "remote_model", "description")
_STATUSES = (Status.REGISTERED, Status.TESTING, Status.STAGING, Status.PRODUCTION)


class Command(BaseCommand):
    """Registers a model file."""

    help = (
        "Registers a model file: ONNX, skops or joblib, told apart by their bytes. A scikit-learn "
        "model is compiled to ONNX if that changes no answer. A joblib file runs its author's code "
        "while it is read: register only what you trust. With --remote, a model that lives in "
        "another server of the Open Inference Protocol, which WEIR_REMOTE_HOSTS must name. A "
        "bundle, FILE.weir, says itself what it is: it must be signed with a key trusted here."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        # `--version` is the model's here, not Django's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, nargs="?")
        parser.add_argument("--endpoint")
        parser.add_argument("--name")
        parser.add_argument("--version", dest="model_version")
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
        parser.add_argument("--remote", help="http://host:port of another server, instead of PATH")
        parser.add_argument("--remote-model", help="what the model is called over there")
        parser.add_argument("--remote-version", default="", help="of it; the server's own choice")
        parser.add_argument(
            "--remote-input", help="NAME:FP32 or NAME:FP64; by default what the server says"
        )
        parser.add_argument(
            "--remote-output", help="the output that predicts; by default the one that can"
        )
        parser.add_argument("--owner", default="operator")
        parser.add_argument("--description", default="")
        parser.add_argument(
            "--isolated",
            action="store_true",
            help="serve it in a process of its own, which a crash or a hang costs and nothing else",
        )
        parser.add_argument(
            "--status",
            default=Status.TESTING.value,
            choices=[each.value for each in _STATUSES],
        )

    def handle(self, *, status: str, isolated: bool, **given: Any) -> None:
        # Imported here: `--help` must not load scikit-learn.
        from inference.management import publish

        try:
            bundle, sealed = _given(given)
            algorithm, created = publish.publish(
                bundle, Status(status), by="register", isolated=isolated, sealed=sealed
            )
        except (WeirError, ValueError) as error:
            raise CommandError(str(error)) from error
        told = publish.told(algorithm, bundle, created=created)
        self.stdout.write(f"{bundle.card.endpoint}: {told}")


def _given(given: Mapping[str, Any]) -> tuple[Bundle, bytes | None]:
    """What is to be registered, and its file if that is a bundle already."""
    path: Path | None = given["path"]
    if path is not None and path.suffix.lower() == BUNDLE:
        return _bundle(given, path)
    missing = [name for name in _NAMES if given[name] is None]
    if missing:
        shown = ", ".join(f"--{_NAMES[name]}" for name in missing)
        raise CommandError(f"A model that is no bundle needs {shown}.")
    return (_elsewhere(given) if given["remote"] else _file(given)), None


def _bundle(given: Mapping[str, Any], path: Path) -> tuple[Bundle, bytes]:
    """As it was signed; what it is called is part of that."""
    from inference import bundles, opening
    from inference.training import adopt

    wrong = [f"--{_NAMES.get(name, name)}" for name in _SAID if given[name]]
    if wrong:
        raise CommandError(f"A bundle says itself what it is; leave out {', '.join(wrong)}.")
    sealed = adopt.content(path)
    bundle = bundles.read(sealed, opening.keyring())
    bundles.load(bundle, reach=opening.reach()).close()
    return bundle, sealed


def _file(given: Mapping[str, Any]) -> Bundle:
    """Of a graph, if it is an ONNX file that nobody wrote a schema for."""
    from inference.training import adopt, graphs

    path: Path | None = given["path"]
    if path is None or given["remote_model"]:
        raise CommandError("A model is a file, PATH, or it is at --remote as --remote-model.")
    named, rows = given["schema"], given["rows"]
    beside = named or path.with_suffix(".schema.json")
    if graphs.is_bare(path, beside, named=named is not None):
        return adopt.adopt_graph(_identity(given), path, rows)
    return adopt.adopt(_identity(given), path, adopt.schema(beside), rows)


def _elsewhere(given: Mapping[str, Any]) -> Bundle:
    from inference.opening import reach
    from inference.runtimes.oip import Place
    from inference.training import adopt, elsewhere

    if given["path"] or not given["remote_model"]:
        raise CommandError("--remote goes with --remote-model, and without PATH.")
    place = Place(
        url=given["remote"].rstrip("/"),
        model=given["remote_model"],
        version=given["remote_version"],
    )
    remote = elsewhere.Remote(place, reach(), given["remote_output"], given["remote_input"])
    if given["schema"] is None:
        if given["remote_output"] or given["remote_input"]:
            raise CommandError("--remote-input and --remote-output go with --schema.")
        return elsewhere.adopt_graph(_identity(given), remote, *adopt.tensors(given["rows"]))
    schema = adopt.schema(given["schema"])
    trial = adopt.trial(schema, given["rows"])
    return elsewhere.adopt(_identity(given), remote, schema, trial)


def _identity(given: Mapping[str, Any]) -> Identity:
    from inference.training.pack import Identity

    return Identity(
        endpoint=given["endpoint"],
        name=given["name"],
        version=given["model_version"],
        owner=given["owner"],
        description=given["description"],
    )
