from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inference.core.errors import DatasetInvalid
from inference.management.step import Outcome, Step, moment, watched

if TYPE_CHECKING:
    from inference.training.build import Cut
    from inference.training.files import Part, Table

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Command(Step):
    """Builds a data set."""

    help = (
        "Writes labelled rows into FOLDER as two parts, train and held_out, each a table with a "
        "description beside it (types, target, rows, sha256, where it comes from). The rows are "
        "those of a CSV, of a demo, or the labelled requests of an endpoint. Who is held out is a "
        "hash of the subject, or of the row. A second run changes nothing, and other rows are "
        "never written over."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--csv", type=Path, help="a file with a header; Adult for --demo income"
        )
        parser.add_argument("--target", help="the column of the CSV that is to be predicted")
        parser.add_argument(
            "--task",
            choices=["binary", "multiclass", "regression"],
            help="by default texts are classes and numbers a quantity",
        )
        parser.add_argument("--subject", help="the column of the CSV that says whose a row is")
        parser.add_argument("--demo", metavar="NAME", help="the rows of a demo")
        parser.add_argument("--endpoint", metavar="NAME", help="its labelled requests")
        parser.add_argument("--since", type=moment, help="of requests; a day or moment, ISO 8601")
        parser.add_argument("--until", type=moment, help="of requests; by default now")
        parser.add_argument("--share", type=float, default=0.3, help="that is held out (0.3)")
        parser.add_argument("--seed", type=int, default=20, help="of the hash (20)")
        parser.add_argument("--parquet", action="store_true", help="instead of CSV; needs pyarrow")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference.training import build
        from inference.training.build import Cut

        if not 0.0 < given["share"] < 1.0:
            raise DatasetInvalid("The share that is held out lies between 0 and 1.")
        parts = _parts(given, Cut(given["share"], given["seed"]))
        told = build.write(given["folder"], parts, ".parquet" if given["parquet"] else ".csv")
        return Outcome("\n".join(_line(part) for part in told.values()), told)


def _parts(given: Mapping[str, Any], how: Cut) -> Mapping[Part, Table]:
    from inference.training import build

    if given["demo"]:
        return _demo(given["demo"], given["csv"])
    if given["endpoint"]:
        return build.cut(_requests(given), how)
    if not given["csv"] or not given["target"]:
        raise DatasetInvalid("Rows come from --csv with --target, from --demo or from --endpoint.")
    source = build.from_csv(
        given["csv"], given["target"], task=given["task"], subject=given["subject"]
    )
    return build.cut(source, how)


def _demo(name: str, csv: Path | None) -> Mapping[Part, Table]:
    from inference.training import build

    try:
        return build.from_demo(name, csv)
    except (KeyError, OSError, ValueError) as error:
        raise DatasetInvalid(f"The data of {name} cannot be had: {error}") from error


def _requests(given: Mapping[str, Any]) -> Any:
    from inference.management import harvest
    from inference.management.harvest import Window

    window = Window(given["since"] or _LONG_AGO, given["until"] or datetime.now(UTC))
    return harvest.source(given["endpoint"], window, watched("requests"))


def _line(part: Mapping[str, Any]) -> str:
    done = "written" if part["new"] else "is there already"
    return f"{part['path']}: {part['rows']} rows, sha256 {part['sha256'][:12]}, {done}."
