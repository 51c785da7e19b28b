"""A long list ends somewhere and says where it goes on."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inference.api import pagination
from inference.services import predictions
from tests.inference import registered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows() -> None:
    algorithm = registered.algorithm()
    predictions.record([registered.row(at, algorithm) for at in range(1, 41)], "a")


def ids(query: str) -> tuple[list[int], str | None]:
    answer = Client().get(f"/api/v1/mlrequests{query}")
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()], answer.headers.get("Link")


def test_nobody_gets_more_than_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pagination.MOST_ROWS == 10_000
    monkeypatch.setattr(pagination, "MOST_ROWS", 25)

    for query in ("", "?limit=1000"):
        found, link = ids(query)
        assert found == list(range(1, 26))
        assert link == '<http://testserver/api/v1/mlrequests?after=25&limit=25>; rel="next"'


def test_a_list_that_ends_has_no_link() -> None:
    assert ids("?limit=40") == (list(range(1, 41)), None)
    assert ids("?after=38") == ([39, 40], None)
    assert ids("?after=40") == ([], None)


def test_a_page_is_one_query_for_any_number_of_rows() -> None:
    with CaptureQueriesContext(connection) as queries:
        ids("?limit=30")

    assert len(queries) == 1


def test_the_page_for_browsers_pages_as_well() -> None:
    answer = Client().get("/api/v1/mlrequests?limit=2", headers={"Accept": "text/html"})

    assert answer.status_code == 200
    assert "rel=&quot;next&quot;" in answer.content.decode() or "Link" in answer.headers
