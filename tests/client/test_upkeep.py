"""What is sent about the life of algorithms; that the server understands it, tests/e2e shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.client.test_rest import BROKEN, Scripted, client, said
from weir_client import AsyncClient, Client
from weir_client.errors import Interrupted, NotServed

KNOWN = said(200, [{"id": 5, "name": "e", "owner": "", "created_at": "", "log_mode": "strict"}])
Asking = Callable[[Client], Any]


@pytest.mark.parametrize(
    ("ask", "method", "path", "body"),
    [
        (
            lambda there: there.set_status(3, "testing", "ann", "once more"),
            "POST",
            "mlalgorithmstatuses",
            {"parent_mlalgorithm": 3, "status": "testing", "created_by": "ann"}
            | {"reason": "once more"},
        ),
        (lambda there: there.promote(3), "POST", "mlalgorithms/3/promote", {"to": "production"}),
        (
            lambda there: there.promote(3, "canary", "late", force=True),
            "POST",
            "mlalgorithms/3/promote",
            {"to": "canary", "reason": "late", "force": True},
        ),
    ],
)
def test_a_move_is_asked_for_once(ask: Asking, method: str, path: str, body: Any) -> None:
    script = Scripted(said(200, {"id": 9}))
    assert ask(client(script)) == {"id": 9}

    (request,) = script.asked
    assert (request.method, request.url.path) == (method, f"/api/v1/{path}")
    assert json.loads(request.content) == body

    broken = Scripted(BROKEN)
    with pytest.raises(Interrupted):
        ask(client(broken))
    assert len(broken.asked) == 1


@pytest.mark.parametrize(
    ("ask", "method", "path", "body"),
    [
        (lambda there: there.roll_back("e"), "POST", "rollback", {}),
        (
            lambda there: there.roll_back("e", "slow", 2),
            "POST",
            "rollback",
            {"reason": "slow"} | {"to": 2},
        ),
        (
            lambda there: there.set_alias("e", "old/one", 2),
            "PUT",
            "aliases/old%2Fone",
            {"algorithm": 2},
        ),
        (lambda there: there.drift("e"), "GET", "drift", None),
    ],
)
def test_an_endpoint_is_called_by_its_name(ask: Asking, method: str, path: str, body: Any) -> None:
    script = Scripted(KNOWN, said(200, {"told": 1}))
    assert ask(client(script)) == {"told": 1}

    request = script.asked[1]
    assert request.method == method
    assert request.url.raw_path.decode() == f"/api/v1/endpoints/5/{path}"
    assert (json.loads(request.content) if request.content else None) == body


def test_names_of_algorithms_are_read_and_dropped() -> None:
    names = [{"name": "old", "algorithm": 2, "at": "", "by": "ann"}]
    assert client(Scripted(KNOWN, said(200, names))).aliases("e") == {"old": 2}

    script = Scripted(KNOWN, httpx.Response(204))
    client(script).drop_alias("e", "old")
    assert (script.asked[1].method, script.asked[1].url.path[-3:]) == ("DELETE", "old")


def test_what_was_judged_and_done_is_read_from_where_one_stopped() -> None:
    script = Scripted(said(200, []))
    there = client(script)

    there.evaluations(3, after=7)
    there.audit("e")

    asked = [(request.url.path[8:], dict(request.url.params)) for request in script.asked]
    assert asked == [
        ("evaluations", {"algorithm": "3", "after": "7"}),
        ("audit", {"endpoint": "e"}),
    ]


def test_many_labels_go_together_as_often_as_it_takes() -> None:
    script = Scripted(BROKEN, said(200, {"found": 1, "missing": [8]}))

    assert client(script).feedback_many({7: "yes", 8: None, 9: 2.5}) == [8]

    labels = [("7", "yes"), ("8", None), ("9", "2.5")]
    sent = {"labels": [{"id": int(number), "feedback": label} for number, label in labels]}
    assert [json.loads(request.content) for request in script.asked] == [sent] * 2


def test_an_endpoint_that_is_not_there_has_no_drift() -> None:
    with pytest.raises(NotServed):
        client(Scripted(KNOWN)).drift("f")


async def test_the_other_client_asks_just_so() -> None:
    script = Scripted(KNOWN, said(200, {"told": 1}))
    async with AsyncClient("http://there", transport=httpx.MockTransport(script)) as there:
        assert await there.drift("e") == {"told": 1}
        assert await there.promote(3) == {"told": 1}
