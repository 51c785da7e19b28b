"""What may be done with algorithms and their endpoints: register, change status, choose the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from inference.core import lifecycle
from inference.core.errors import BundleInvalid, TransitionRefused
from inference.core.experiment import Mode
from inference.core.lifecycle import Status
from inference.core.types import LogMode
from inference.models import NAME_LENGTH, ABTest, Endpoint, MLAlgorithm, MLAlgorithmStatus
from inference.services import announce, audit, statuses
from inference.services.audit import Change, Grounds, What

_ENDPOINT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlgorithm:
    """An algorithm as its bundle describes it; endpoint, name, version and artefact identify it."""

    endpoint: str
    name: str
    version: str
    artefact_hash: str
    owner: str
    bundle: str
    runtime: str
    schema: Mapping[str, Any]
    description: str = ""
    code: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    parent_id: int | None = None
    isolated: bool = False


@transaction.atomic
def algorithm_register(
    new: NewAlgorithm, *, status: Status = Status.TESTING, by: str
) -> tuple[MLAlgorithm, bool]:
    """The algorithm of this identity, and whether it is new; a known one stays as it is."""
    _refuse_names(new)
    announce.registry_changed()
    endpoint, _ = Endpoint.objects.get_or_create(
        name=new.endpoint, defaults={"owner": new.owner, "log_mode": settings.WEIR.log_mode}
    )
    algorithm, created = _get_or_create(endpoint, new)
    if created:
        first = Change("", Status.REGISTERED.value)
        statuses.write(algorithm, first, by=by, grounds=Grounds("registered"))
        if status is not Status.REGISTERED:
            moved(algorithm, status, by=by, grounds=Grounds("registered"))
    return algorithm, created


def _refuse_names(new: NewAlgorithm) -> None:
    """Names travel into URLs, file lists and pages."""
    if not _ENDPOINT_NAME.fullmatch(new.endpoint):
        raise BundleInvalid(
            "An endpoint's name has up to 64 small letters, digits, dots, dashes and underscores.",
            field="endpoint",
        )
    for what in ("name", "version", "owner"):
        text = getattr(new, what)
        if not text.strip() or not text.isprintable() or len(text) > NAME_LENGTH:
            raise BundleInvalid(
                f"The {what} must be printable and at most {NAME_LENGTH} characters.", field=what
            )


def _get_or_create(endpoint: Endpoint, new: NewAlgorithm) -> tuple[MLAlgorithm, bool]:
    return MLAlgorithm.objects.get_or_create(
        parent_endpoint=endpoint,
        name=new.name,
        version=new.version,
        artefact_hash=new.artefact_hash,
        defaults={
            "owner": new.owner,
            "description": new.description,
            "code": new.code,
            "bundle": new.bundle,
            "runtime": new.runtime,
            "schema": dict(new.schema),
            "report": dict(new.report),
            "metrics": dict(new.metrics),
            "lineage": dict(new.lineage),
            "reference": dict(new.reference),
            "parent_id": new.parent_id,
            "isolated": new.isolated,
        },
    )


@transaction.atomic
def algorithm_set_status(
    algorithm_id: int, status: Status, *, by: str, reason: str = ""
) -> MLAlgorithmStatus:
    """The new line of its history; into production, the former one there goes to testing.

    Raises MLAlgorithm.DoesNotExist, TransitionRefused, or Raced.
    """
    announce.registry_changed()
    algorithm = MLAlgorithm.objects.get(pk=algorithm_id)
    return moved(algorithm, status, by=by, grounds=Grounds(reason))


def moved(
    algorithm: MLAlgorithm, status: Status, *, by: str, grounds: Grounds
) -> MLAlgorithmStatus:
    """The same of one that nobody else can change."""
    lifecycle.check(Status(algorithm.current_status), status)
    if status is Status.PRODUCTION:
        refuse_during_test(algorithm.parent_endpoint_id)
    return statuses.move(algorithm, status, by=by, grounds=grounds)


def refuse_during_test(endpoint_id: int) -> None:
    """A test decides about production: somebody promoted meanwhile would be undone by its stop."""
    test = ABTest.objects.filter(endpoint=endpoint_id, ended_at=None).first()
    if test is not None:
        raise TransitionRefused(f"test {test.pk} runs on this endpoint; stop it first")


@transaction.atomic
def endpoint_set_log_mode(endpoint_id: int, mode: LogMode, *, by: str) -> bool:
    """Whether there is such an endpoint; its predictions are logged like this from now on.

    Raises TransitionRefused: a test is counted from the log, a shadow test from a strict one.
    """
    announce.registry_changed()
    shadowed = ABTest.objects.filter(endpoint=endpoint_id, ended_at=None, mode=Mode.SHADOW.value)
    if mode is LogMode.OFF or (mode is LogMode.FAST and shadowed.exists()):
        refuse_during_test(endpoint_id)
    endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is not None and endpoint.log_mode != mode.value:
        audit.note(What.LOG_MODE, endpoint, Change(endpoint.log_mode, mode.value), by=by)
        Endpoint.objects.filter(pk=endpoint_id).update(log_mode=mode.value)
    return endpoint is not None
