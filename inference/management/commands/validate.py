from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.core.errors import DatasetInvalid
from inference.management.step import Outcome, Step

if TYPE_CHECKING:
    from inference.core.schema import Schema
    from inference.training.dataset import Record
    from inference.training.files import Table


class Command(Step):
    """Compares rows with a schema."""

    help = (
        "Lists what is wrong with the rows of a table, by column: missing or unknown columns, "
        "values of another type, out of range, unseen in training, or missing where required, and "
        "labels that the schema does not know. Ends with 1 if there is anything, with 2 if it "
        "cannot be read."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("data", type=Path, metavar="FILE")
        parser.add_argument(
            "--against",
            required=True,
            metavar="SCHEMA",
            help="a schema in JSON, or the number of a registered algorithm",
        )

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference.training import validate

        rows = _rows(given["data"])
        found = validate.anomalies(rows, _schema(given["against"]))
        facts = {"rows": len(rows), "anomalies": [each.as_dict() for each in found]}
        if not found:
            return Outcome(f"{given['data']}: {len(rows)} rows as the schema says.", facts)
        words = "\n".join(str(each) for each in found)
        return Outcome(words, facts, failed=f"{given['data']}: {len(found)} anomalies.")


def _rows(path: Path) -> Sequence[Record]:
    """With their labels among them; a described table must be what its description says."""
    from inference.training import adopt, files

    if files.described(path).exists():
        return _with_labels(files.read(path))
    return adopt.records(path, raw=True)


def _with_labels(table: Table) -> list[Record]:
    target = table.about.target
    pairs = zip(table.rows.records, table.rows.labels, strict=True)
    return [{**record, target: label} for record, label in pairs]


def _schema(against: str) -> Schema:
    from inference.core.schema import Schema
    from inference.models import MLAlgorithm
    from inference.training import adopt

    if not against.isdecimal():
        return adopt.schema(Path(against))
    algorithm = MLAlgorithm.objects.filter(pk=int(against)).first()
    if algorithm is None or "features" not in algorithm.schema:
        raise DatasetInvalid(f"There is no algorithm {against} of tables.")
    return Schema.from_json(algorithm.schema)
