from __future__ import annotations

import csv
import io
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inference.core.errors import BundleInvalid
from inference.management.step import Outcome, Step

if TYPE_CHECKING:
    from inference.bundles import Bundle
    from inference.runtimes.confinement import Bounds

_ERROR: Final = ("code", "message")


class Command(Step):
    """Scores rows without a server."""

    help = (
        "Answers the rows of a CSV or a JSON list as the server would: by the same transform and "
        "the same model, with the same figures. What comes out is a CSV with a line for each row: "
        "its label, and the probability of each class. A row that does not fit gets a code and a "
        "message instead; then it ends with 1."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("data", type=Path, metavar="FILE")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--algorithm", metavar="NUMBER|ENDPOINT", help="one that is registered")
        which.add_argument("--bundle", type=Path, metavar="FILE", help="signed with a key of ours")
        parser.add_argument("--out", type=Path, help="instead of printing it")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference import opening
        from inference.training import adopt, scoring

        _refuse_itself(given["data"], given["out"])
        bundle, apart = _bundle(given)
        records = adopt.records(given["data"], raw=True)
        answers = scoring.told(bundle, records, opening.reach(), apart)
        text = _csv([*scoring.header(bundle.table), *_ERROR], answers)
        failed = sum("code" in answer for answer in answers)
        facts: dict[str, Any] = {"rows": len(answers), "failed": failed}
        sentence = f"{failed} of {len(answers)} rows do not fit." if failed else ""
        if given["out"] is None:
            return Outcome(text.rstrip("\n"), facts | {"answers": answers}, sentence)
        given["out"].write_text(text)
        words = f"{given['out']}: {len(answers)} rows."
        return Outcome(words, facts | {"out": str(given["out"])}, sentence)


def _refuse_itself(data: Path, out: Path | None) -> None:
    """Raises BundleInvalid if the answers would take the place of the rows."""
    if out is not None and out.exists() and data.exists() and out.samefile(data):
        raise BundleInvalid(f"{out} holds the rows; write the answers elsewhere.", field="out")


def _bundle(given: Mapping[str, Any]) -> tuple[Bundle, Bounds | None]:
    """And its bounds, if it is registered as one that is kept apart."""
    from inference import bundles, opening
    from inference.management import versions

    if given["algorithm"]:
        row = versions.serving(given["algorithm"])
        return versions.bundle(row), versions.bounds(row)
    try:
        data = given["bundle"].read_bytes()
    except OSError as error:
        raise BundleInvalid(f"{given['bundle']} cannot be read: {error.strerror}.") from error
    return bundles.read(data, opening.keyring()), None


def _csv(names: Sequence[str], answers: Sequence[Mapping[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(answers)
    return out.getvalue()
