"""What was accepted and is not answered yet is neither there nor unknown."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from inference import selectors
from inference.models import MLAlgorithm, Outbox
from inference.services import predictions, receipts
from inference.services.receipts import Opening, Queued
from tests.inference import registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def forest() -> MLAlgorithm:
    return registered.algorithm()


def accept(forest: MLAlgorithm, *ids: int) -> None:
    queued = Queued(forest.pk, {"subject": ""}, "{}", 10)
    receipts.open_all([Opening("income", ids, batch=False, queued=queued)])


def get(request_id: object) -> Any:
    return Client().get(f"/api/v1/mlrequests/{request_id}")


@pytest.mark.parametrize("request_id", [4, 5, 9])
def test_each_id_of_a_queued_request_is_queued(forest: MLAlgorithm, request_id: int) -> None:
    accept(forest, 4, 5, 9)

    answer = get(request_id)

    assert (answer.status_code, answer["Retry-After"]) == (202, "1")
    assert answer.json() == {"id": request_id, "status": "queued"}


@pytest.mark.parametrize("request_id", [3, 6, 10, "x", "\N{SUPERSCRIPT TWO}", "9" * 30])
def test_what_was_not_accepted_is_unknown(forest: MLAlgorithm, request_id: object) -> None:
    accept(forest, 4, 5, 9)

    assert get(request_id).status_code == 404


def test_a_row_counts_more_than_a_place_in_the_queue(forest: MLAlgorithm) -> None:
    accept(forest, 4)
    predictions.record([registered.row(4, forest)], "a")

    assert get(4).status_code == 200


def test_what_is_answered_while_we_look_is_found(
    forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(forest, 4)

    def answered_meanwhile(request_id: str) -> bool:
        predictions.record([registered.row(4, forest)], "a")
        Outbox.objects.all().delete()
        return False

    monkeypatch.setattr(selectors, "is_queued", answered_meanwhile)

    assert get(4).status_code == 200


def test_feedback_has_to_wait_for_the_answer(forest: MLAlgorithm) -> None:
    accept(forest, 4)

    answer = Client().patch("/api/v1/mlrequests/4", {"feedback": "x"}, "application/json")

    assert answer.status_code == 404
