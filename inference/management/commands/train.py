from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from inference.core.errors import DatasetInvalid
from inference.core.lifecycle import Status
from inference.management import versions
from inference.management.step import Outcome, Step, computing, stages
from inference.models import MLAlgorithm

if TYPE_CHECKING:
    from inference.training.fitting import Labels, Trained


class Command(Step):
    """Fits an estimator and registers what came of it."""

    help = (
        "Fits a recipe of ours or any scikit-learn estimator on a data set, compiles it to ONNX if "
        "that changes no answer, measures it on the held-out rows and registers it as `testing`, "
        "or writes the bundle to --out. Where it comes from is kept with it: data, parameters, "
        "seed, packages, git revision, the one in production. The same again gives the same "
        "answers, to the bit, and registers nothing new."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        # `--version` is the model's here, not Django's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def options(self, parser: ArgumentParser) -> None:
        parser.add_argument("endpoint")
        parser.add_argument("--data", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--held-out", type=Path, metavar="FILE", help="by default beside FILE, or cut from it"
        )
        parser.add_argument("--schema", type=Path, help="by default beside FILE, or derived")
        parser.add_argument("--target", help="for a CSV without a description")
        parser.add_argument("--task", choices=["binary", "multiclass", "regression"])
        parser.add_argument(
            "--estimator",
            default="random forest",
            metavar="WHAT",
            help="package.module:factory, a recipe of ours (random forest, extra trees)",
        )
        parser.add_argument(
            "--param", action="append", default=[], metavar="NAME=VALUE", help="of the estimator"
        )
        parser.add_argument(
            "--reads", choices=["matrix", "frame"], help="by default as the estimator looks"
        )
        parser.add_argument("--seed", type=int, default=20, help="of whatever is drawn (20)")
        computing(parser)
        parser.add_argument("--name", default="", help="by default the estimator's")
        parser.add_argument("--version", default="", dest="model_version", help="or made of all")
        parser.add_argument("--owner", default="operator")
        parser.add_argument("--description", default="")
        parser.add_argument("--out", type=Path, help="write the bundle there, register nothing")

    def take(self, given: Mapping[str, Any]) -> Outcome:
        _refuse_nowhere(given["out"])
        champion = MLAlgorithm.objects.filter(
            parent_endpoint__name=given["endpoint"], current_status=Status.PRODUCTION.value
        ).first()
        trained = _trained(given, champion)
        if given["out"] is not None:
            return _written(trained, given["out"])
        return _registered(trained, champion)


def _trained(given: Mapping[str, Any], champion: MLAlgorithm | None) -> Trained:
    from inference.training import courses, estimators, fitting
    from inference.training.backends import Backend
    from inference.training.build import Cut
    from inference.training.courses import Files
    from inference.training.estimators import Wanted

    named = Files(*(given[each] for each in ("data", "held_out", "schema", "target", "task")))
    params = estimators.params(given["param"])
    wanted = Wanted(given["estimator"], params, given["seed"], given["reads"])
    backend = Backend(given["backend"], given["jobs"], given["scheduler"])
    with stages("train", 2) as told:
        told("read")
        course = courses.read(named, Cut(seed=given["seed"]))
        told("fit, compile, measure")
        return fitting.trained(course, wanted, _labels(given, champion), backend)


def _labels(given: Mapping[str, Any], champion: MLAlgorithm | None) -> Labels:
    from inference.training.fitting import Labels

    parent = None if champion is None else versions.told(champion)
    return Labels(
        endpoint=given["endpoint"],
        owner=given["owner"],
        name=given["name"],
        version=given["model_version"],
        description=given["description"],
        lineage={"parent": parent, "command": sys.argv[1:]},
    )


def _refuse_nowhere(out: Path | None) -> None:
    """Before it is trained, not after; raises DatasetInvalid."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise DatasetInvalid(f"{out} is not a place for a file.", field="out")


def _written(trained: Trained, out: Path) -> Outcome:
    from inference import bundles, opening

    data = bundles.write(trained.bundle, opening.keyring())
    out.write_bytes(data)
    facts = _facts(trained) | {"out": str(out)}
    return Outcome(f"{out}: {len(data)} bytes.\n{_measured(trained)}", facts)


def _registered(trained: Trained, champion: MLAlgorithm | None) -> Outcome:
    from inference.management import publish

    bundle = trained.bundle
    algorithm, new = publish.publish(bundle, Status.TESTING, by="train", parent=champion)
    facts = _facts(trained) | {
        "algorithm": algorithm.pk,
        "status": algorithm.current_status,
        "new": new,
    }
    told = publish.told(algorithm, bundle, created=new)
    return Outcome(f"{bundle.card.endpoint}: {told}\n  {_predicted(trained)}", facts)


def _facts(trained: Trained) -> dict[str, Any]:
    card = trained.bundle.card
    return {
        "endpoint": card.endpoint,
        "name": card.name,
        "version": card.version,
        "serving": card.serving.value,
        "artefact_hash": trained.bundle.artefact_hash,
        "predictions_sha256": trained.predictions_sha256,
        "metrics": card.metrics,
        "report": card.report,
        "lineage": card.lineage,
    }


def _measured(trained: Trained) -> str:
    card = trained.bundle.card
    measured = ", ".join(f"{name} {value:.4g}" for name, value in card.metrics.items())
    return f"  {card.name} {card.version}, measured: {measured}.\n  {_predicted(trained)}"


def _predicted(trained: Trained) -> str:
    return f"Predictions of the held-out rows: sha256 {trained.predictions_sha256}."
