"""What an opened algorithm brings along beside its model."""

from __future__ import annotations

import pytest

from inference import opening
from inference.core.lifecycle import Status
from inference.core.reference import Reference
from inference.management import publish
from inference.models import MLAlgorithm
from tests.inference import artefacts

pytestmark = pytest.mark.django_db


@pytest.fixture
def forest() -> MLAlgorithm:
    row, _ = publish.publish(artefacts.bundle(), Status.TESTING, by="tests")
    return row


def test_the_reference_comes_with_the_model(forest: MLAlgorithm) -> None:
    opened = opening.open_algorithm(forest)

    assert opened.reference == Reference.from_json(artefacts.bundle().card.reference)


def test_a_damaged_reference_keeps_nobody_from_being_answered(
    forest: MLAlgorithm, caplog: pytest.LogCaptureFixture
) -> None:
    forest.reference = {"format": 99}

    opened = opening.open_algorithm(forest)

    assert opened.reference is None
    assert "is not watched" in caplog.text
