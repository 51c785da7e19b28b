from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inference.management.step import Outcome, Step

if TYPE_CHECKING:
    from inference.bundles import Bundle


class Command(Step):
    """Writes out what a version is made of."""

    help = (
        "Writes a version's files into a folder: the model that serves (model.onnx, say) and the "
        "one it was compiled from, model.schema.json, its golden rows and their answers, what is "
        "known of it (card.json) and the signed bundle. `register` takes them back, here or in "
        "another installation."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "version_", metavar="ENDPOINT|ALGORITHM", help="of an endpoint the one in production"
        )
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference.management import versions

        row = versions.serving(given["version_"])
        files = _files(versions.bundle(row)) | {"bundle.weir": versions.data(row)}
        folder: Path = given["out"]
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        sizes = {name: len(data) for name, data in sorted(files.items())}
        words = "\n".join(f"{folder / name}: {size} bytes" for name, size in sizes.items())
        return Outcome(words, {"algorithm": row.pk, "folder": str(folder), "files": sizes})


def _files(bundle: Bundle) -> dict[str, bytes]:
    card = msgspec.to_builtins(bundle.card)
    golden = card.pop("golden")
    models = {f"model.{kind}": data for kind, data in bundle.files.items()}
    described = {
        "model.schema.json": bundle.schema.to_json(),
        "rows.json": golden["records"],
        "answers.json": golden["outputs"],
        "card.json": card,
    }
    return models | {name: _json(value) for name, value in described.items()}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode() + b"\n"
