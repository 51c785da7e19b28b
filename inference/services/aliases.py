"""Names that move between the algorithms of an endpoint."""

from __future__ import annotations

import re
from typing import Final

from django.db import transaction
from django.utils import timezone

from inference.core.errors import TransitionRefused
from inference.core.lifecycle import AT_REST
from inference.core.routing import CHAMPION
from inference.models import Alias, Endpoint, MLAlgorithm
from inference.services import announce, audit
from inference.services.audit import Change, Grounds, What

CHALLENGER: Final = "challenger"  # whoever is to take the place of the one in production
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@transaction.atomic
def alias_move(endpoint_id: int, name: str, algorithm_id: int, *, by: str, why: str = "") -> Alias:
    """The name means that algorithm from now on; moving it where it is changes nothing.

    Raises TransitionRefused (`field` says what does not go), or Endpoint.DoesNotExist.
    """
    announce.registry_changed()
    endpoint = Endpoint.objects.get(pk=endpoint_id)
    _refuse_name(name)
    algorithm = _of(endpoint, algorithm_id)
    found = Alias.objects.filter(endpoint=endpoint, name=name).first()
    if found is not None and found.algorithm_id == algorithm_id:
        return found
    before = "" if found is None else str(found.algorithm_id)
    change = Change(before, str(algorithm_id))
    audit.note(What.ALIAS_MOVED, algorithm, change, by=by, grounds=Grounds(_said(name, why)))
    alias = found or Alias(endpoint=endpoint, name=name)
    alias.algorithm, alias.moved_by, alias.moved_at = algorithm, by, timezone.now()
    alias.save()
    return alias


@transaction.atomic
def alias_drop(endpoint_id: int, name: str, *, by: str, why: str = "") -> bool:
    """Whether there was such a name; there is none from now on."""
    announce.registry_changed()
    rows = Alias.objects.select_related("algorithm__parent_endpoint")
    found = rows.filter(endpoint=endpoint_id, name=name).first()
    if found is None:
        return False
    change = Change(str(found.algorithm_id), "")
    grounds = Grounds(_said(name, why))
    audit.note(What.ALIAS_DROPPED, found.algorithm, change, by=by, grounds=grounds)
    found.delete()
    return True


def _said(name: str, why: str) -> str:
    return f"{name}: {why}" if why else name


def _refuse_name(name: str) -> None:
    if name == CHAMPION:
        message = "champion is whoever is in production; promote an algorithm instead."
        raise TransitionRefused(message, field="name")
    if not _NAME.fullmatch(name):
        message = "An alias has up to 64 small letters, digits, dashes and underscores."
        raise TransitionRefused(message, field="name")


def _of(endpoint: Endpoint, algorithm_id: int) -> MLAlgorithm:
    """Of this endpoint, and not at rest: nobody could ask for it by that name."""
    rows = MLAlgorithm.objects.select_related("parent_endpoint").filter(parent_endpoint=endpoint)
    algorithm = rows.filter(pk=algorithm_id).first()
    if algorithm is None:
        message = f"{endpoint.name} has no algorithm {algorithm_id}."
        raise TransitionRefused(message, field="algorithm")
    if algorithm.current_status in AT_REST:
        message = f"Algorithm {algorithm_id} is {algorithm.current_status}: nobody serves it."
        raise TransitionRefused(message, field="algorithm")
    return algorithm
