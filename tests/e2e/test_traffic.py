"""`manage.py traffic` against a running server: rows are answered, labels arrive, a test runs."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.e2e.rows import query
from tests.servers import Server

_VISITORS = """
    select count(distinct subject),
           count(distinct case when feedback <> '' then subject end),
           sum(feedback <> '')
    from inference_mlrequest
"""


def traffic(server: Server, *words: str) -> str:
    return servers.manage(server.data, "traffic", "--url", server.url, *words)


def known_tests(server: Server) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.url}/api/v1/abtests", timeout=10) as answer:  # noqa: S310  # http, ours
        found: list[dict[str, Any]] = json.load(answer)
    return found


@pytest.fixture
def quiet(data: Path, mode: servers.Mode) -> Iterator[Server]:
    """A server that nobody else talks to."""
    with Server(data, mode=mode) as running:
        yield running


def test_without_a_test_rows_are_only_played(quiet: Server) -> None:
    said = traffic(quiet, "--no-test", "--rate", "50", "--duration", "1")

    assert "50 rows were answered" in said
    assert "no requests failed" in said
    assert known_tests(quiet) == []


def test_it_starts_a_test_and_a_label_of_every_visitor_is_counted(quiet: Server) -> None:
    said = traffic(quiet, "--endpoint", "breast_cancer", "--rate", "60", "--duration", "2")
    (labelled,) = [int(number) for number in re.findall(r"(\d+) labelled", said)]

    again = traffic(quiet, "--endpoint", "breast_cancer", "--rate", "10", "--duration", "0.1")

    (test,) = known_tests(quiet)
    ((counted, exposed, units),) = query(
        quiet.data, "select sum(labelled), sum(exposures), sum(subjects) from inference_armtally"
    )
    ((visitors, told, labels),) = query(quiet.data, _VISITORS)
    assert test["title"] == "random forest against extra trees"
    assert "Test" not in again.replace("rows", "")
    assert (exposed, labelled <= labels <= labelled + 1) == (121, True)
    assert (units, counted) == (visitors, told)
    assert 60 < visitors < 121


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--url", "http://127.0.0.1:1"], "Nothing answers at http://127.0.0.1:1"),
        (["--url", "ftp://here"], "is not an address"),
        (["--endpoint", "weather"], "Not served at"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(
    server: Server, words: list[str], sentence: str
) -> None:
    with pytest.raises(AssertionError, match=sentence):
        traffic(server, *words)
