"""Which algorithm or endpoint the words of a command line mean."""

from __future__ import annotations

from django.core.management.base import CommandError

from inference import running
from inference.core.routing import CHAMPION
from inference.models import Endpoint, MLAlgorithm
from inference.services.aliases import CHALLENGER


def endpoint(name: str) -> Endpoint:
    """By its name; raises CommandError naming those there are."""
    found = Endpoint.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Endpoint.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no endpoint {name!r}; there are: {known}.")
    return found


def algorithm(words: str) -> MLAlgorithm:
    """An id, `ENDPOINT@ALIAS`, or an ENDPOINT, which means its `challenger`."""
    if words.isascii() and words.isdigit():
        row = MLAlgorithm.objects.filter(pk=int(words)).first()
        if row is None:
            raise CommandError(f"There is no algorithm {words}.")
        return row
    name, _, alias = words.partition("@")
    of = endpoint(name)
    aliases = running.aliases().get(of.pk, {})
    found = aliases.get(alias or CHALLENGER)
    if found is None:
        known = ", ".join(sorted({CHAMPION, *aliases}))
        raise CommandError(f"{name} has no alias {alias or CHALLENGER!r}; there are: {known}.")
    return MLAlgorithm.objects.get(pk=found)
