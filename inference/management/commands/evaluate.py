from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inference.core.errors import BundleInvalid
from inference.management.step import Outcome, Step, computing, stages

if TYPE_CHECKING:
    from inference.core.blessing import Policy
    from inference.models import MLAlgorithm
    from inference.training.judge import Bench, Judged

_STAGES: Final = 3
_CHAMPION: Final = "champion"
_NONE: Final = "none"


class Command(Step):
    """Judges a version beside the one that serves."""

    help = (
        "Asks a version, and the one in production, about the same held-out rows, and says whether "
        "it is blessed: it loads and answers in a process of its own within its budget, a row gets "
        "the same answer alone and in company, its metrics meet their floors, and it is not worse "
        "than the baseline, in any slice. What was found is kept. Ends with 1 if it is not blessed."
    )

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "version_", metavar="ENDPOINT|ALGORITHM", help="of an endpoint the newest candidate"
        )
        parser.add_argument("--data", type=Path, required=True, metavar="FILE")
        parser.add_argument("--target", help="for a CSV without a description")
        parser.add_argument("--task", choices=["binary", "multiclass", "regression"])
        parser.add_argument(
            "--baseline", default=_CHAMPION, help="champion, none, or a number (champion)"
        )
        parser.add_argument(
            "--floor",
            type=_floor,
            action="append",
            default=[],
            metavar="METRIC=VALUE",
            help="of an error a ceiling",
        )
        parser.add_argument("--margin", type=float, default=0.01, help="behind the baseline (0.01)")
        parser.add_argument("--alpha", type=float, default=0.05, help="of its tests (0.05)")
        parser.add_argument(
            "--slice-rows", type=int, default=100, help="smaller ones are not judged"
        )
        parser.add_argument("--latency-ms", type=float, default=100.0, help="of a row alone (100)")
        parser.add_argument(
            "--memory-mib", type=float, default=1024.0, help="with libraries (1024)"
        )
        computing(parser)

    def take(self, given: Mapping[str, Any]) -> Outcome:
        from inference.management import versions

        candidate = versions.find(given["version_"])
        baseline = _baseline(given["baseline"], candidate)
        judged, sha256 = _judged(given, candidate, baseline)
        number = _recorded(candidate, baseline, judged, sha256)
        return _outcome(candidate, baseline, judged, number)


def _floor(text: str) -> tuple[str, float]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ArgumentTypeError(f"a floor is written METRIC=VALUE, not {text!r}")
    return name, float(value)


def _baseline(word: str, candidate: MLAlgorithm) -> MLAlgorithm | None:
    """Nobody is compared with himself."""
    from inference.management import versions

    if word == _NONE:
        return None
    if word == _CHAMPION:
        found = versions.champion(candidate.parent_endpoint_id)
    else:
        found = versions.find(word)
    if found is not None and found.parent_endpoint_id != candidate.parent_endpoint_id:
        raise BundleInvalid(f"Algorithm {found.pk} answers at another endpoint.")
    return None if found == candidate else found


def _judged(
    given: Mapping[str, Any], candidate: MLAlgorithm, baseline: MLAlgorithm | None
) -> tuple[Judged, str]:
    from inference import opening
    from inference.management import versions
    from inference.training import backends, files, judge
    from inference.training.backends import Backend
    from inference.training.judge import Bench

    table = files.read(given["data"], given["target"], given["task"])
    backend = Backend(given["backend"], given["jobs"], given["scheduler"])
    with backends.running(backend) as jobs, stages("evaluate", _STAGES) as told:
        bounds = versions.bounds(candidate), versions.bounds(baseline)
        bench: Bench = Bench(table, _policy(given), jobs, opening.reach(), told, *bounds)
        beside = None if baseline is None else versions.bundle(baseline)
        return judge.judged(versions.bundle(candidate), beside, bench), table.about.sha256


def _policy(given: Mapping[str, Any]) -> Policy:
    from inference.core.blessing import Policy

    return Policy(
        floors=dict(given["floor"]),
        margin=given["margin"],
        alpha=given["alpha"],
        slice_rows=given["slice_rows"],
        latency_us=1000.0 * given["latency_ms"],
        memory_mib=given["memory_mib"],
    )


def _recorded(
    candidate: MLAlgorithm, baseline: MLAlgorithm | None, judged: Judged, sha256: str
) -> int:
    from inference.services import evaluations
    from inference.services.evaluations import NewEvaluation

    new = NewEvaluation(
        algorithm_id=candidate.pk,
        baseline_id=None if baseline is None else baseline.pk,
        blessed=judged.blessed,
        reasons=list(judged.reasons),
        report=judged.report,
        data_sha256=sha256,
    )
    return evaluations.evaluation_record(new, by="evaluate").pk


def _outcome(
    candidate: MLAlgorithm, baseline: MLAlgorithm | None, judged: Judged, number: int
) -> Outcome:
    facts = {
        "evaluation": number,
        "algorithm": candidate.pk,
        "baseline": None if baseline is None else baseline.pk,
        "blessed": judged.blessed,
        "reasons": list(judged.reasons),
        "report": dict(judged.report),
    }
    name = f"algorithm {candidate.pk}, {candidate.name} {candidate.version}"
    verdict = f"{name}, is {'blessed' if judged.blessed else 'not blessed'} (evaluation {number})."
    words = "\n".join([*_lines(judged, baseline), *judged.reasons, verdict])
    return Outcome(words, facts, failed="" if judged.blessed else verdict)


def _lines(judged: Judged, baseline: MLAlgorithm | None) -> list[str]:
    report = judged.report
    lines = [_metrics(f"{report['rows']} rows", report.get("metrics", {}))]
    if baseline is not None and "compared" in report:
        lines.append(_metrics(f"baseline {baseline.pk}", report["baseline"]))
        lines.append(_compared(report["compared"]))
    if "row_us" in report["trial"]:
        trial = report["trial"]
        lines.append(
            f"a row alone: {trial['row_us']:.0f} us (p99 {trial['row_p99_us']:.0f}), "
            f"memory: {trial['memory_mib']:.0f} MiB"
        )
    return lines


def _metrics(whose: str, metrics: Mapping[str, float]) -> str:
    return f"{whose}: " + ", ".join(
        f"{name} {value:.4g}" for name, value in metrics.items() if name != "rows"
    )


def _compared(compared: Mapping[str, Any]) -> str:
    words = f"difference {compared['difference']:+.4g}, p = {compared['p_value']:.2g}"
    if "ahead" in compared:
        words += f", right alone {compared['ahead']}, wrong alone {compared['behind']}"
    return words
