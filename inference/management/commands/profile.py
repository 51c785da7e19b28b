from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inference.core.errors import DatasetInvalid
from inference.management.step import Outcome, Step

if TYPE_CHECKING:
    from inference.core.schema import Feature

_SCHEMA: Final = ".schema.json"
_STATISTICS: Final = ".statistics.json"


class Command(Step):
    """Derives a schema from training rows."""

    help = (
        "Writes two files beside the table: NAME.schema.json with the types, ranges, categories "
        "and missing policy of its columns, to be edited by hand and enforced in serving; and "
        "NAME.statistics.json. A feature that no row lacks is required, unless --lenient. A schema "
        "that says something else already is kept, unless --replace."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("data", type=Path, metavar="FILE")
        parser.add_argument("--target", help="for a CSV without a description")
        parser.add_argument("--task", choices=["binary", "multiclass", "regression"])
        parser.add_argument("--lenient", action="store_true", help="no feature is required")
        parser.add_argument("--replace", action="store_true", help="an edited schema, too")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference.training import files, profile

        table = files.read(given["data"], given["target"], given["task"])
        schema = profile.schema_of_table(table, lenient=given["lenient"])
        statistics = profile.statistics(table)
        path = given["data"].with_suffix(_SCHEMA)
        _write(path, schema.to_json(), keep=not given["replace"])
        _write(path.with_name(given["data"].stem + _STATISTICS), statistics, keep=False)
        facts = {"schema": schema.to_json(), "schema_path": str(path), "statistics": statistics}
        lines = [f"{path}: {len(schema.features)} features of {len(table)} rows."]
        return Outcome("\n".join([*lines, *map(_line, schema.features)]), facts)


def _write(path: Path, value: Mapping[str, Any], *, keep: bool) -> None:
    text = json.dumps(value, indent=1) + "\n"
    if keep and path.exists() and json.loads(path.read_bytes()) != json.loads(text):
        raise DatasetInvalid(f"{path} says something else; --replace takes its place.")
    path.write_text(text)


def _line(feature: Feature) -> str:
    policy = "required" if feature.required else "may be missing"
    if feature.kind == "category":
        return f"  {feature.name}: one of {len(feature.categories)} categories, {policy}"
    return f"  {feature.name}: {feature.kind} {feature.minimum:g}..{feature.maximum:g}, {policy}"
