"""Algorithms are registered once and move under rules; every move leaves a line."""

from __future__ import annotations

import threading
from unittest import mock

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from inference import registry
from inference.core.errors import BundleInvalid, Raced, TransitionRefused, WeirError
from inference.core.lifecycle import Status
from inference.core.types import LogMode
from inference.models import Endpoint, MLAlgorithm, RegistryState
from inference.services import models, statuses
from tests.inference import registered
from tests.inference.registered import algorithm, new, status_of

pytestmark = pytest.mark.django_db


def history(row: MLAlgorithm) -> list[tuple[str, bool]]:
    return list(row.status.order_by("id").values_list("status", "active"))


def version() -> int:
    return RegistryState.objects.values_list("version", flat=True).first() or 0


# -- register --------------------------------------------------------------------------------------


def test_an_algorithm_is_registered_with_its_endpoint_and_its_first_lines() -> None:
    row, created = models.algorithm_register(new(), status=Status.PRODUCTION, by="me")

    assert created
    assert (row.parent_endpoint.name, row.parent_endpoint.owner) == ("income", "tests")
    assert row.parent_endpoint.log_mode == "strict"
    assert history(row) == [("registered", False), ("production", True)]
    assert row.status.get(active=True).created_by == "me"


def test_the_same_identity_again_changes_nothing() -> None:
    """A comment in the source made the tutorial register a second algorithm in production."""
    first, _ = models.algorithm_register(new(), status=Status.PRODUCTION, by="me")
    edited = new(code="class Forest: ...  # a comment", description="better words")

    again, created = models.algorithm_register(edited, status=Status.PRODUCTION, by="me")

    assert (again.pk, created) == (first.pk, False)
    assert MLAlgorithm.objects.get().code == "class Forest: ..."
    assert len(history(first)) == 2


@pytest.mark.parametrize(
    "other", [{"version": "0.0.2"}, {"artefact_hash": "b" * 64}, {"endpoint": "other"}]
)
def test_another_identity_is_another_algorithm(other: dict[str, str]) -> None:
    first = algorithm()
    second, created = models.algorithm_register(new(**other), by="me")

    assert created
    assert second.pk != first.pk


def test_registering_into_production_makes_room_there() -> None:
    first = algorithm("forest", Status.PRODUCTION)
    second = algorithm("trees", Status.PRODUCTION)

    assert (status_of(first), status_of(second)) == ("testing", "production")
    assert history(first)[-1] == ("testing", True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "../etc"),
        ("endpoint", "Income"),
        ("endpoint", "a" * 65),
        ("endpoint", ""),
        ("endpoint", "income\n"),
        ("name", ""),
        ("name", " "),
        ("name", "a" * 129),
        ("name", "two\nlines"),
        ("version", "\x00"),
        ("owner", ""),
    ],
)
def test_a_name_that_cannot_travel_is_refused_by_its_field(field: str, value: str) -> None:
    with pytest.raises(BundleInvalid) as refused:
        models.algorithm_register(new(**{field: value}), by="me")

    assert refused.value.field == field
    assert MLAlgorithm.objects.count() == 0


# -- status ----------------------------------------------------------------------------------------


def test_a_promotion_demotes_the_former_one_and_says_why() -> None:
    first, second = registered.pair()

    line = models.algorithm_set_status(second.pk, Status.PRODUCTION, by="me", reason="better")

    assert (status_of(first), status_of(second)) == ("testing", "production")
    assert (line.status, line.active, line.created_by, line.reason) == (
        "production",
        True,
        "me",
        "better",
    )
    assert first.status.get(active=True).reason == f"replaced by algorithm {second.pk}"


def test_a_move_that_may_not_be_changes_nothing() -> None:
    first, _ = registered.pair()
    before = version()

    with pytest.raises(TransitionRefused, match="promote another one"):
        models.algorithm_set_status(first.pk, Status.TESTING, by="me")

    assert status_of(first) == "production"
    assert version() == before


def test_nobody_is_promoted_while_a_test_runs() -> None:
    first, second = registered.pair()
    third = algorithm("linear")
    test = registered.started([first, second])

    with pytest.raises(TransitionRefused, match=f"test {test.pk} runs on this endpoint"):
        models.algorithm_set_status(third.pk, Status.PRODUCTION, by="me")


def test_the_same_status_again_is_a_line_and_no_move() -> None:
    first, _ = registered.pair()

    models.algorithm_set_status(first.pk, Status.PRODUCTION, by="me")

    assert history(first) == [
        ("registered", False),
        ("production", False),
        ("production", True),
    ]


def test_whoever_moves_what_was_moved_meanwhile_is_told() -> None:
    row = algorithm()
    MLAlgorithm.objects.update(current_status="staging")

    with pytest.raises(Raced, match="is not testing any more"):
        statuses.move(row, Status.RETIRED, by="me")


def test_an_algorithm_that_is_not_there_cannot_be_moved() -> None:
    with pytest.raises(MLAlgorithm.DoesNotExist):
        models.algorithm_set_status(99, Status.TESTING, by="me")


# -- what others hear ------------------------------------------------------------------------------


def test_every_change_moves_the_version_and_wakes_the_registry_after_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    row = algorithm()
    before = version()

    with (
        mock.patch.object(registry, "changed") as changed,
        django_capture_on_commit_callbacks(execute=True),
    ):
        models.algorithm_set_status(row.pk, Status.STAGING, by="me")
        changed.assert_not_called()

    assert version() == before + 1
    changed.assert_called_once_with()


def test_the_log_mode_of_an_endpoint_is_a_change_of_the_registry() -> None:
    endpoint = algorithm().parent_endpoint
    before = version()

    assert models.endpoint_set_log_mode(endpoint.pk, LogMode.FAST, by="me")
    assert Endpoint.objects.get().log_mode == "fast"
    assert version() == before + 1
    assert not models.endpoint_set_log_mode(99, LogMode.FAST, by="me")


@pytest.mark.django_db(transaction=True)
def test_promotions_that_meet_leave_one_in_production() -> None:
    rows = [algorithm(f"model {at}") for at in range(4)]
    refused: list[WeirError] = []

    def promote(row: MLAlgorithm) -> None:
        try:
            models.algorithm_set_status(row.pk, Status.PRODUCTION, by=row.name)
        except WeirError as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=promote, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert refused == []
    assert MLAlgorithm.objects.filter(current_status="production").count() == 1
    active = [row.status.get(active=True).status for row in rows]
    assert sorted(active) == ["production", "testing", "testing", "testing"]
