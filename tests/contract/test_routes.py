"""Routes, methods, bodies and shapes: sections 1.1 and 1.2."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract import world
from tests.contract.doors import Door

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
LISTS = ["endpoints", "mlalgorithms", "mlalgorithmstatuses", "mlrequests", "abtests"]


@pytest.fixture(autouse=True)
def something_of_everything(door: Door) -> None:
    """A prediction and a finished test, so that no list is empty."""
    if not door.get("/api/v1/abtests").json():
        door.json("POST", f"/api/v1/{world.ENDPOINT}/predict", world.RECORD)
        arms = {"parent_mlalgorithm_1": world.FOREST, "parent_mlalgorithm_2": world.TREES}
        door.json("POST", "/api/v1/abtests", {"title": "t", "created_by": "me", **arms})


def first(door: Door, name: str) -> dict[str, Any]:
    row: dict[str, Any] = door.get(f"/api/v1/{name}").json()[0]
    return row


def test_the_root_is_a_map_of_the_five_lists(door: Door) -> None:
    root = door.get("/api/v1/")

    assert root.status == 200
    assert list(root.json()) == LISTS
    assert all(url.endswith(f"/api/v1/{name}") for name, url in root.json().items())


def test_the_root_without_its_slash_redirects(door: Door) -> None:
    reply = door.get("/api/v1")

    assert reply.status == 301
    assert reply.headers["location"] == "/api/v1/"


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_a_bare_array_in_the_order_of_ids(door: Door, name: str) -> None:
    reply = door.get(f"/api/v1/{name}")

    assert reply.status == 200
    assert reply.kind == "application/json"
    ids = [row["id"] for row in reply.json()]
    assert ids
    assert ids == sorted(ids)


@pytest.mark.parametrize("name", LISTS)
def test_a_row_is_found_by_its_id_and_says_the_same_as_in_the_list(door: Door, name: str) -> None:
    row = first(door, name)

    reply = door.get(f"/api/v1/{name}/{row['id']}")

    assert (reply.status, reply.json()) == (200, row)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("missing", ["999999", "abc", "0", "-1", "1e3", "9" * 30])
def test_a_row_that_is_not_there_is_a_404_with_detail(door: Door, name: str, missing: str) -> None:
    reply = door.get(f"/api/v1/{name}/{missing}")

    assert reply.status == 404
    assert list(reply.json()) == ["detail"]


@pytest.mark.parametrize("name", LISTS)
def test_a_trailing_slash_is_a_404_in_html(door: Door, name: str) -> None:
    reply = door.get(f"/api/v1/{name}/")

    assert (reply.status, reply.kind) == (404, "text/html")


@pytest.mark.parametrize("name", LISTS)
def test_a_format_suffix_works(door: Door, name: str) -> None:
    row = first(door, name)

    assert door.get(f"/api/v1/{name}.json").json() == door.get(f"/api/v1/{name}").json()
    assert door.get(f"/api/v1/{name}/{row['id']}.json").json() == row
    assert door.get(f"/api/v1/{name}.xml").status == 404


@pytest.mark.parametrize("name", [*LISTS, ""])
def test_a_browser_gets_the_browsable_page(door: Door, name: str) -> None:
    reply = door.get(f"/api/v1/{name}", {"Accept": "text/html"})

    assert (reply.status, reply.kind) == (200, "text/html")


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_everybody_else_gets_json(door: Door, accept: str) -> None:
    reply = door.get("/api/v1/endpoints", {"Accept": accept} if accept else None)

    assert reply.kind == "application/json"


FIELDS = {
    "endpoints": ["id", "name", "owner", "created_at"],
    "mlalgorithms": [
        "id",
        "name",
        "description",
        "code",
        "version",
        "owner",
        "created_at",
        "parent_endpoint",
        "current_status",
    ],
    "mlalgorithmstatuses": [
        "id",
        "active",
        "status",
        "created_by",
        "created_at",
        "parent_mlalgorithm",
    ],
    "mlrequests": [
        "id",
        "input_data",
        "full_response",
        "response",
        "feedback",
        "created_at",
        "parent_mlalgorithm",
    ],
    "abtests": [
        "id",
        "title",
        "created_by",
        "created_at",
        "ended_at",
        "summary",
        "parent_mlalgorithm_1",
        "parent_mlalgorithm_2",
    ],
}


@pytest.mark.parametrize("name", LISTS)
def test_a_row_has_the_fields_of_the_tutorial(door: Door, name: str) -> None:
    assert set(FIELDS[name]) <= set(first(door, name))


@pytest.mark.parametrize("name", LISTS)
def test_moments_are_utc_with_microseconds_and_a_z(door: Door, name: str) -> None:
    assert MOMENT.fullmatch(first(door, name)["created_at"])


def test_the_algorithms_of_a_first_boot_have_the_ids_that_scripts_hard_code(door: Door) -> None:
    rows = door.get("/api/v1/mlalgorithms").json()

    assert [(row["id"], row["name"], row["version"], row["owner"]) for row in rows[:2]] == [
        (1, "random forest", "0.0.1", "Piotr"),
        (2, "extra trees", "0.0.1", "Piotr"),
    ]
    assert [row["current_status"] for row in rows[:2]] == ["production", "testing"]
    assert rows[0]["code"].startswith("class ")


# -- methods ---------------------------------------------------------------------------------------

REFUSED = [
    ("POST", "/api/v1/endpoints"),
    ("PUT", "/api/v1/endpoints/1"),
    ("DELETE", "/api/v1/endpoints/1"),
    ("PUT", "/api/v1/mlalgorithms"),
    ("PATCH", "/api/v1/mlalgorithms/1"),
    ("DELETE", "/api/v1/mlalgorithms/1"),
    ("PUT", "/api/v1/mlalgorithmstatuses/1"),
    ("DELETE", "/api/v1/mlalgorithmstatuses/1"),
    ("POST", "/api/v1/mlrequests"),
    ("DELETE", "/api/v1/mlrequests/1"),
    ("PUT", "/api/v1/abtests"),
    ("DELETE", "/api/v1/abtests/1"),
    ("GET", f"/api/v1/{world.ENDPOINT}/predict"),
    ("PUT", f"/api/v1/{world.ENDPOINT}/predict"),
    ("DELETE", f"/api/v1/{world.ENDPOINT}/predict"),
    ("GET", "/api/v1/stop_ab_test/1"),
    ("PUT", "/api/v1/stop_ab_test/1"),
    ("POST", "/api/v1/"),
]


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_another_method_is_a_405_with_detail(door: Door, method: str, path: str) -> None:
    reply = door.json(method, path, {})

    assert reply.status == 405
    assert reply.json() == {"detail": f'Method "{method}" not allowed.'}


# -- bodies ----------------------------------------------------------------------------------------

WRITTEN = [
    ("POST", "/api/v1/mlalgorithmstatuses"),
    ("POST", "/api/v1/abtests"),
    ("PUT", "/api/v1/mlrequests/{request}"),
    ("PATCH", "/api/v1/abtests/{test}"),
    ("POST", f"/api/v1/{world.ENDPOINT}/predict"),
]


def filled(door: Door, path: str) -> str:
    request, test = first(door, "mlrequests")["id"], first(door, "abtests")["id"]
    return path.format(request=request, test=test)


@pytest.mark.parametrize(("method", "path"), WRITTEN)
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/octet-stream"])
def test_another_kind_of_body_is_a_415(door: Door, method: str, path: str, kind: str) -> None:
    reply = door.send(method, filled(door, path), b"{}", kind)

    assert reply.status == 415
    assert reply.json() == {"detail": f'Unsupported media type "{kind}" in request.'}


MALFORMED = [
    b"{",
    b'{"age": NaN}',
    b'{"age": 37,}',
    b"\xff",
    b'{"a": 1, "a": 2}',
    b'{"age": 1e400}',
    b'{"age": "\\ud800"}',
    b"[" * 5000,
    b'{"age": 37} x',
]


@pytest.mark.parametrize(("method", "path"), WRITTEN)
@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: body[:20].decode("latin-1"))
def test_malformed_json_is_a_400_with_detail(
    door: Door, method: str, path: str, body: bytes
) -> None:
    reply = door.send(method, filled(door, path), body, "application/json")

    assert reply.status == 400
    assert reply.json()["detail"].startswith("JSON parse error - ")
    assert reply.json()["code"] == "json_invalid"


@pytest.mark.parametrize(("method", "path"), WRITTEN)
def test_a_body_that_is_too_large_is_a_413(door: Door, method: str, path: str) -> None:
    body = b'{"age": "' + b"9" * 2_100_000 + b'"}'

    reply = door.send(method, filled(door, path), body, "application/json")

    assert reply.status == 413
    assert reply.json()["code"] == "too_large"


def test_a_charset_other_than_utf_8_is_refused(door: Door) -> None:
    path = f"/api/v1/{world.ENDPOINT}/predict"

    assert door.send("POST", path, b"{}", "application/json; charset=utf-16").status == 400
    assert door.send("POST", path, b'{"age":1}', "application/json; charset=UTF-8").status == 200


def test_anonymous_writes_need_no_token(door: Door) -> None:
    request = first(door, "mlrequests")["id"]

    assert door.form("PUT", f"/api/v1/mlrequests/{request}", {"feedback": "x"}).status == 200


# -- beyond the tutorial ---------------------------------------------------------------------------


def test_the_schema_describes_the_api_and_names_no_other_host(door: Door) -> None:
    reply = door.get("/api/v1/schema", {"Accept": "application/json"})

    assert reply.status == 200
    paths = reply.json()["paths"]
    assert "/api/v1/{endpoint_name}/predict" in paths
    assert "/api/v1/abtests/{id}/live" in paths


def test_the_page_of_the_api_loads_nothing_from_elsewhere(door: Door) -> None:
    reply = door.get("/api/v1/docs", {"Accept": "text/html"})

    assert (reply.status, reply.kind) == (200, "text/html")
    sources = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert sources
    assert not [source for source in sources if source.startswith(("http", "//"))]


def test_an_endpoint_says_what_a_row_looks_like(door: Door) -> None:
    reply = door.get("/api/v1/endpoints/1/schema")

    assert reply.status == 200
    assert (reply.json()["algorithm"], reply.json()["version"]) == (world.FOREST, "0.0.1")
    names = [feature["name"] for feature in reply.json()["features"]]
    assert names == ["age", "workclass", "education-num", "hours-per-week"]
    assert reply.json()["target"]["classes"] == [world.LOW, world.HIGH]
    assert door.get("/api/v1/endpoints/99/schema").status == 404


def test_operations_are_what_the_dashboard_shows(door: Door) -> None:
    reply = door.get("/api/v1/operations")

    assert reply.status == 200
    assert reply.json()["topic"] == "operations"
    names = [endpoint["name"] for endpoint in reply.json()["endpoints"]]
    assert names == [world.ENDPOINT, world.OTHER]
