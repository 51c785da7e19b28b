from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

from django.core.management.base import BaseCommand, CommandError

from inference.core.lifecycle import Status
from inference.models import MLAlgorithm

# By name alone, so that looking whether a demo is there imports no data and no scikit-learn.
_ENDPOINTS: Final = {
    "breast_cancer": "breast_cancer",
    "digits": "digits",
    "diabetes": "diabetes",
    "income": "income_classifier",
}
_RECIPES: Final = ("random forest", "extra trees")
_VERSION: Final = "0.0.1"
_OWNER: Final = "Weir"


class Command(BaseCommand):
    """Trains and registers the demos."""

    help = (
        "Trains a random forest and extra trees for each demo named and registers them: the first "
        "in production, the second in testing. What is registered already stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", choices=sorted(_ENDPOINTS), metavar="NAME")
        parser.add_argument(
            "--csv",
            type=Path,
            help="Adult as a CSV file with a header; without it, `income` is fetched from OpenML.",
        )

    def handle(self, *, names: list[str], csv: Path | None, **_: object) -> None:
        for name in dict.fromkeys(names):
            missing = [recipe for recipe in _RECIPES if not self._is_there(name, recipe)]
            if missing:
                self._train(name, missing, csv)

    def _is_there(self, name: str, recipe: str) -> bool:
        endpoint = _ENDPOINTS[name]
        found = MLAlgorithm.objects.filter(
            parent_endpoint__name=endpoint, name=recipe, version=_VERSION
        ).first()
        if found is None:
            return False
        status = f"algorithm {found.pk} ({found.current_status})"
        self.stdout.write(f"{endpoint}: {recipe} {_VERSION} is there already: {status}.")
        return True

    def _train(self, name: str, recipes: list[str], csv: Path | None) -> None:
        from inference.management import publish
        from inference.training import lesson

        try:
            course = lesson.of(name, csv)
        except (OSError, ValueError) as error:
            raise CommandError(f"The data of {name} cannot be had: {error}") from error
        for recipe in recipes:
            bundle = lesson.bundle(course, recipe, version=_VERSION, owner=_OWNER)
            algorithm, created = publish.publish(bundle, self._status(name, recipe), by="demo")
            told = publish.told(algorithm, bundle, created=created)
            self.stdout.write(f"{_ENDPOINTS[name]}: {told}")

    def _status(self, name: str, recipe: str) -> Status:
        """Production for the first, unless somebody else was put there meanwhile."""
        occupied = MLAlgorithm.objects.filter(
            parent_endpoint__name=_ENDPOINTS[name], current_status=Status.PRODUCTION.value
        ).exists()
        return Status.TESTING if occupied or recipe != _RECIPES[0] else Status.PRODUCTION
