"""Which algorithm or endpoint the words of a command line mean."""

from __future__ import annotations

from typing import Final

from inference import running
from inference.core.errors import NotFound
from inference.core.lifecycle import Status
from inference.core.routing import CHAMPION
from inference.models import Endpoint, MLAlgorithm
from inference.services.aliases import CHALLENGER

_CANDIDATES: Final = (Status.TESTING, Status.STAGING, Status.REGISTERED)


def endpoint(name: str) -> Endpoint:
    """By its name; raises NotFound naming those there are."""
    found = Endpoint.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Endpoint.objects.values_list("name", flat=True)) or "none"
        raise NotFound(f"There is no endpoint {name!r}; there are: {known}.")
    return found


def algorithm(words: str) -> MLAlgorithm:
    """An id, `ENDPOINT@ALIAS`, or an ENDPOINT: its `challenger`, or else its newest candidate.

    Raises NotFound.
    """
    if words.isascii() and words.isdigit():
        row = MLAlgorithm.objects.filter(pk=int(words)).first()
        if row is None:
            raise NotFound(f"There is no algorithm {words}.")
        return row
    name, _, alias = words.partition("@")
    of = endpoint(name)
    aliases = running.aliases().get(of.pk, {})
    found = aliases.get(alias or CHALLENGER)
    if found is not None:
        return MLAlgorithm.objects.get(pk=found)
    if alias:
        known = ", ".join(sorted({CHAMPION, *aliases}))
        raise NotFound(f"{name} has no alias {alias!r}; there are: {known}.")
    row = newest_candidate(name)
    if row is None:
        raise NotFound(f"{name} has neither a challenger nor a candidate.")
    return row


def newest_candidate(endpoint_name: str) -> MLAlgorithm | None:
    """The youngest there that may be promoted next."""
    statuses = [each.value for each in _CANDIDATES]
    rows = MLAlgorithm.objects.filter(
        parent_endpoint__name=endpoint_name, current_status__in=statuses
    )
    return rows.order_by("-pk").first()
