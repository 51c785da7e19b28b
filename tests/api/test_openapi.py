"""The description of the API is complete, and nothing in it was guessed."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_the_schema_is_valid_and_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    assert "Warning" not in capsys.readouterr().err
    assert "openapi: 3" in out.getvalue()
    assert "name: Authorization" in out.getvalue()
