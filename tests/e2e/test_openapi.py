"""A running server answers what its OpenAPI page promises, whatever one sends to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests import servers
from tests.servers import Server

EACH = 8  # requests to one operation
# Left out: whether keys are asked for (this profile is open), whether what fits
# the schema is always taken (an id may be of nothing), and whether what does not fit never is (the
# tutorial's clients send fields that nobody knows).
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.unsupported_method,
]
KNOWN = {"endpoint_name": "breast_cancer", "id": "1", "ab_test_id": "1", "name": "best"}


@pytest.fixture(scope="module")
def told(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Whose models may be moved about."""
    data = servers.copy(prepared, tmp_path_factory.mktemp("openapi") / "data")
    with Server(data) as running:
        yield running
    lines = running.log.splitlines()
    assert [line for line in lines if "Traceback" in line or " ERROR " in line] == []


@pytest.fixture(scope="module")
def described(told: Server) -> Any:
    return schemathesis.openapi.from_url(f"{told.url}/api/v1/schema?format=json")


def operations() -> list[tuple[str, str]]:
    """Path and method of each."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # theirs
    paths = generator.get_schema(public=True)["paths"]  # type: ignore[no-untyped-call]  # theirs
    return [(path, method) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(("path", "method"), operations())
def test_each_answer_is_one_that_is_described(described: Any, path: str, method: str) -> None:
    operation = described[path][method.upper()]
    statuses = set()

    @settings(max_examples=EACH, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        """Of something that was made up, and of something that is there."""
        case.call_and_validate(checks=CHECKS, timeout=20)
        if case.path_parameters:
            case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
            statuses.add(case.call_and_validate(checks=CHECKS, timeout=20).status_code)

    ask()

    if path.endswith("/predict"):
        assert 200 in statuses
