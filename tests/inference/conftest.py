"""What the tests of services share."""

from __future__ import annotations

import pytest
from django.db import connection

from inference.services import dialects
from inference.services.dialects import portable


@pytest.fixture(params=["own", "portable"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The statements that are this database's own, and those that every database takes.

    MariaDB has none of its own: there the first would be the second once more.
    """
    if request.param == "portable":
        monkeypatch.setattr(dialects, "current", lambda: portable)
    elif dialects.current() is portable:
        pytest.skip(f"{connection.display_name} has no statements of its own")
    return str(request.param)
