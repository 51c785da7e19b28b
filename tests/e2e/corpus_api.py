"""What may be sent to the rest of the API, none of which changes anything."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.e2e.corpus_http import FORM, JSON, Case
from tests.e2e.raw import request

TEXT: Final = "x" * 20_000


def ask(target: str, method: str = "GET") -> bytes:
    return request(method, f"/api/v1/{target}")


def send(target: str, value: Any, method: str = "POST") -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return request(method, f"/api/v1/{target}", [JSON], body)


def feedback(value: Any) -> bytes:
    return send("mlrequests/1", {"feedback": value}, "PUT")


def status(**given: Any) -> bytes:
    complete = {"status": "testing", "created_by": "a breaker", "parent_mlalgorithm": 1}
    return send("mlalgorithmstatuses", complete | given)


def test(**given: Any) -> bytes:
    complete = {"title": "t", "created_by": "a breaker", "parent_mlalgorithm_1": 1}
    return send("abtests", complete | {"parent_mlalgorithm_2": 2} | given)


def arms(*pairs: Any) -> bytes:
    return send("abtests", {"title": "t", "created_by": "a breaker", "arms": list(pairs)})


def arm(algorithm: Any = 2, weight: Any = 1) -> dict[str, Any]:
    return {"algorithm": algorithm, "weight": weight}


READS: Final = (
    *(
        Case(f"GET {target[:40]}", ask(target), 404)
        for target in (
            "nowhere",
            "endpoints/0",
            "endpoints/999",
            "endpoints/abc",
            "endpoints/-1",
            "endpoints/1.0",
            "endpoints/" + "9" * 30,
            "endpoints/1%00",
            "endpoints/../../admin",
            "endpoints/999/schema",
            "mlrequests/" + "9" * 19,
            "abtests/1/live",
            "endpoints?format=xml",
            "endpoints.xml",
        )
    ),
    *(
        Case(f"GET mlrequests?{query[:30]}", ask(f"mlrequests?{query}"), 400)
        for query in (
            "limit=0",
            "limit=-1",
            "limit=abc",
            "limit=",
            "limit=1e3",
            "limit=" + "9" * 30,
            "after=-1",
            "after=%D9%A1",
            "after=%00",
        )
    ),
    *(
        Case(f"{method} {target}", ask(target, method), 405)
        for method, target in (
            ("POST", "endpoints"),
            ("DELETE", "endpoints/1"),
            ("PUT", "mlalgorithms/1"),
            ("DELETE", "mlrequests/1"),
            ("POST", "mlrequests"),
            ("PATCH", "mlalgorithmstatuses/1"),
            ("GET", "stop_ab_test/1"),
            ("POST", "operations"),
        )
    ),
)

WRITES: Final = (
    Case("feedback that is no JSON", send("mlrequests/1", b"{", "PUT"), 400, "json_invalid"),
    Case("feedback NaN", send("mlrequests/1", b'{"feedback":NaN}', "PUT"), 400, "json_invalid"),
    Case("feedback with NUL", feedback("\x00"), 400, "json_invalid"),
    Case("feedback as an array", feedback(["yes"]), 400),
    Case("feedback as an object", feedback({"label": "yes"}), 400),
    Case("feedback true", feedback(True), 400),
    Case("feedback of 20,000", feedback(TEXT), 400),
    Case("feedback in an array", send("mlrequests/1", ["yes"], "PUT"), 400),
    Case("feedback to nobody", send("mlrequests/999999999", {"feedback": "x"}, "PUT"), 404),
    Case(
        "feedback NUL in a form",
        request("PUT", "/api/v1/mlrequests/1", [FORM], b"feedback=%00"),
        400,
    ),
    Case("no status", send("mlalgorithmstatuses", {}), 400),
    Case("statuses in an array", send("mlalgorithmstatuses", [1]), 400),
    Case("a status of nobody", status(status="nonsense"), 400),
    Case("a status as a number", status(status=5), 400),
    Case("a status of 20,000", status(status=TEXT), 400),
    Case("a status by nobody", status(created_by=None), 400),
    *(
        Case(f"a status for {str(parent)[:20]}", status(parent_mlalgorithm=parent), 400)
        for parent in (None, 0, 999, -1, True, [1], {"id": 1}, "abc", 1.5, 1e300, 10**30)
    ),
    Case("a status by hand that only a test gives", status(status="ab_testing"), 400),
    Case("production given up", status(status="testing"), 400),
    Case("no test", send("abtests", {}), 400),
    Case("a test of one with itself", test(parent_mlalgorithm_2=1), 400),
    Case("a test across endpoints", test(parent_mlalgorithm_2=3), 400),
    Case("a test with nobody", test(parent_mlalgorithm_2=10**20), 400),
    Case("a title of 20,000", test(title=TEXT), 400),
    Case("a rule of nobody", test(rule="coin"), 400),
    Case("no arms", arms(), 400),
    Case("one arm", arms(arm(1)), 400),
    Case("arms that are none", arms(1, 2), 400),
    Case("a thousand arms", arms(*[arm(n) for n in range(1, 1001)]), 400),
    *(
        Case(f"a weight of {str(weight)[:20]}", arms(arm(1), arm(2, weight)), 400)
        for weight in (0, -1, 0.5, "x", None, True, [1], 10**30)
    ),
    *(
        Case(
            f"the end of test {len(number)} {number[:20]!r}",
            ask(f"stop_ab_test/{number}", "POST"),
            400,
        )
        for number in ("999", "abc", "-1", "1.0", "%00", "9" * 30, "9" * 5000, "../1", "%F0%9F")
    ),
)
