"""Who gets in where, asked of a server of the production profile: every route and caller."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from django.urls import URLPattern, get_resolver

from inference.dataplane import v2paths
from inference.dataplane.v2paths import Route
from inference.keys import Scope
from tests import servers
from tests.e2e import callers
from tests.e2e.callers import Caller, Callers
from tests.e2e.corpus import ENDPOINT
from tests.e2e.hand import TEXT, Hand, frame
from tests.e2e.raw import exchange, request
from tests.servers import Server

READ, PREDICT, FEEDBACK, MANAGE = Scope.READ, Scope.PREDICT, Scope.FEEDBACK, Scope.MANAGE
ANYBODY: Final = "anybody"
KNOWN: Final = "known"  # by a session
STAFF: Final = "staff"  # by a session
Guard = Scope | str
API: Final = "/api/v1"
LISTED: Final = "https://pages.example"
TRUSTING: Final = "http://partner.example:8080"
IN_TIME: Final = 20.0

# Every route by its name in the URL conf, a path to it, and what each of its methods asks for.
ROUTES: Final[Mapping[str, tuple[str, Mapping[str, Guard]]]] = {
    "dashboard": ("/", {"GET": KNOWN}),
    "/endpoints/<path:name>": (f"/endpoints/{ENDPOINT}", {"GET": KNOWN}),
    "/experiments": ("/experiments", {"GET": KNOWN}),
    "experiment": ("/experiments/1", {"GET": KNOWN}),
    "/operations": ("/operations", {"GET": KNOWN}),
    "/favicon.ico": ("/favicon.ico", {"GET": ANYBODY}),
    "asyncapi": ("/asyncapi.json", {"GET": READ}),
    "sockets": ("/sockets", {"GET": READ}),
    "/api/v1": (API, {"GET": ANYBODY}),
    "api-root": (f"{API}/", {"GET": READ}),
    "predict": (f"{API}/{ENDPOINT}/predict", {"POST": PREDICT}),
    "stop-ab-test": (f"{API}/stop_ab_test/1", {"POST": MANAGE}),
    "operations": (f"{API}/operations", {"GET": READ}),
    "schema": (f"{API}/schema", {"GET": READ}),
    "docs": (f"{API}/docs", {"GET": READ}),
    "endpoint-list": (f"{API}/endpoints", {"GET": READ}),
    "endpoint-detail": (f"{API}/endpoints/1", {"GET": READ}),
    "endpoint-schema": (f"{API}/endpoints/1/schema", {"GET": READ}),
    "endpoint-drift": (f"{API}/endpoints/1/drift", {"GET": READ}),
    "endpoint-plan": (f"{API}/endpoints/1/plan?difference=0.05&base=0.9", {"GET": READ}),
    "mlalgorithm-list": (f"{API}/mlalgorithms", {"GET": READ, "POST": MANAGE}),
    "mlalgorithm-detail": (f"{API}/mlalgorithms/1", {"GET": READ}),
    "mlalgorithmstatus-list": (f"{API}/mlalgorithmstatuses", {"GET": READ, "POST": MANAGE}),
    "mlalgorithmstatus-detail": (f"{API}/mlalgorithmstatuses/1", {"GET": READ}),
    "mlrequest-list": (f"{API}/mlrequests", {"GET": READ}),
    "mlrequest-detail": (
        f"{API}/mlrequests/1",
        {"GET": READ, "PUT": FEEDBACK, "PATCH": FEEDBACK},
    ),
    "mlrequest-feedback": (f"{API}/mlrequests/feedback", {"POST": FEEDBACK}),
    "audit": (f"{API}/audit", {"GET": READ}),
    "evaluations": (f"{API}/evaluations", {"GET": READ}),
    "mlalgorithm-promote": (f"{API}/mlalgorithms/1/promote", {"POST": MANAGE}),
    "endpoint-rollback": (f"{API}/endpoints/1/rollback", {"POST": MANAGE}),
    "endpoint-aliases": (f"{API}/endpoints/1/aliases", {"GET": READ}),
    "endpoint-alias": (f"{API}/endpoints/1/aliases/best", {"PUT": MANAGE, "DELETE": MANAGE}),
    "abtest-list": (f"{API}/abtests", {"GET": READ, "POST": MANAGE}),
    "abtest-detail": (f"{API}/abtests/1", {"GET": READ, "PUT": MANAGE, "PATCH": MANAGE}),
    "abtest-live": (f"{API}/abtests/1/live", {"GET": READ}),
    "abtest-decisions": (f"{API}/abtests/1/decisions", {"GET": READ}),
    "abtest-history": (f"{API}/abtests/1/history", {"GET": READ}),
    "abtest-phases": (f"{API}/abtests/1/phases", {"GET": READ}),
    "abtest-reweight": (f"{API}/abtests/1/reweight", {"POST": MANAGE}),
    "abtest-rollback": (f"{API}/abtests/1/rollback", {"POST": MANAGE}),
    "abtest-promote": (f"{API}/abtests/1/promote", {"POST": MANAGE}),
}
# The same for the Open Inference Protocol, which is answered before there is a URL conf; by verb.
V2: Final[Mapping[str, tuple[str, Mapping[str, Guard]]]] = {
    "live": ("/v2/health/live", {"GET": ANYBODY}),
    "ready": ("/v2/health/ready", {"GET": ANYBODY}),
    "server": ("/v2", {"GET": PREDICT}),
    "models": ("/v2/models", {"GET": READ}),
    "model": (f"/v2/models/{ENDPOINT}", {"GET": PREDICT}),
    "model_ready": (f"/v2/models/{ENDPOINT}/ready", {"GET": PREDICT}),
    "infer": (f"/v2/models/{ENDPOINT}/infer", {"POST": PREDICT}),
    "stats": (f"/v2/models/{ENDPOINT}/stats", {"GET": READ}),
    "config": (f"/v2/models/{ENDPOINT}/config", {"GET": READ}),
    "index": ("/v2/repository/index", {"POST": READ}),
    "load": (f"/v2/repository/models/{ENDPOINT}/load", {"POST": MANAGE}),
    "unload": (f"/v2/repository/models/{ENDPOINT}/unload", {"POST": MANAGE}),
}
OPEN_IN_ADMIN: Final = {"admin:login", "admin:logout"}
ASKED: Final = [
    (method, path, guard) for path, methods in ROUTES.values() for method, guard in methods.items()
]


ASKED_IN_V2: Final = [
    (method, path, guard) for path, methods in V2.values() for method, guard in methods.items()
]


@pytest.fixture(scope="module")
def data(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.copy(prepared, tmp_path_factory.mktemp("access") / "data")


@pytest.fixture(scope="module")
def everybody(data: Path) -> Callers:
    return callers.make(data)


@pytest.fixture(scope="module")
def server(data: Path, everybody: Callers) -> Iterator[Server]:
    """Says everything it can say, and in the end none of it is a secret, an error or a trace."""
    env = {
        "WEIR_PROFILE": "production",
        "WEIR_SECURE_SSL": "false",
        "HOST": "127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "WEIR_ALLOWED_ORIGINS": f"{LISTED},{TRUSTING}",
        "WEIR_LOG_LEVEL": "DEBUG",
    }
    with Server(data, env=env) as running:
        yield running
    assert [secret for secret in everybody.secrets if secret in running.log] == []
    lines = running.log.splitlines()
    assert [line for line in lines if "Traceback" in line or " ERROR " in line] == []


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=IN_TIME) as opened:
        yield opened


def ask(
    client: httpx.Client, method: str, path: str, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Without what an answer before has left in the client."""
    client.cookies.clear()
    kind = {"Content-Type": "application/json"}
    return client.request(method, path, content=b"{}", headers={**kind, **(headers or {})})


# -- routes ----------------------------------------------------------------------------------------


def routes(patterns: list[Any], prefix: str = "/") -> Iterator[tuple[str, str, URLPattern]]:
    """Where in the tree, the name (the path where it has none), and the pattern."""
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield path, pattern.name or path, pattern
        else:
            yield from routes(pattern.url_patterns, path)


def all_routes() -> list[tuple[str, str]]:
    return [(path, name) for path, name, _ in routes(get_resolver().url_patterns)]


def test_every_route_has_its_row() -> None:
    """Those of the admin are all alike, and asked one by one below."""
    names = {name for path, name in all_routes() if not path.startswith("/admin/")}

    assert names == set(ROUTES)


@pytest.mark.parametrize("name", callers.NAMES)
@pytest.mark.parametrize(("method", "path", "guard"), ASKED)
def test_every_caller_gets_what_is_his(
    client: httpx.Client, everybody: Callers, name: str, method: str, path: str, guard: Guard
) -> None:
    caller = everybody.named(name)

    answer = ask(client, method, path, caller.headers)

    wanted = expected(caller, method, guard)
    assert answer.status_code == wanted or (wanted == 200 and passed(answer)), answer.text
    if wanted == 401:
        assert answer.headers["www-authenticate"] == "Api-Key"


def test_every_verb_of_the_protocol_has_its_row() -> None:
    assert set(V2) == set(v2paths.RULES)
    assert {verb: v2paths.parsed(path) for verb, (path, _) in V2.items()} == {
        verb: Route(verb, ENDPOINT if ENDPOINT in path else "") for verb, (path, _) in V2.items()
    }


@pytest.mark.parametrize("name", callers.NAMES)
@pytest.mark.parametrize(("method", "path", "guard"), ASKED_IN_V2)
def test_the_protocol_knows_keys_and_no_sessions(
    client: httpx.Client, everybody: Callers, name: str, method: str, path: str, guard: Guard
) -> None:
    caller = everybody.named(name)

    answer = ask(client, method, path, caller.headers)

    wanted = 200 if guard in {ANYBODY, *caller.scopes} else 403 if caller.scopes else 401
    assert answer.status_code == wanted or (wanted == 200 and answer.status_code in {400, 501})
    assert answer.status_code == 200 or answer.json()["error"]


def passed(answer: httpx.Response) -> bool:
    """Whether it was not for the caller's sake that nothing was found or changed."""
    return answer.status_code in {200, 301, 302, 400, 404} and "login" not in answer.headers.get(
        "location", ""
    )


def expected(caller: Caller, method: str, guard: Guard) -> int:
    """200 for all that is not refused."""
    if guard == ANYBODY:
        return 200
    if guard == KNOWN:
        return 200 if caller.known else 302
    if not caller.known and not caller.scopes:
        return 401
    if caller.scopes:
        return 200 if guard in caller.scopes else 403
    return 200 if caller.staff and (method == "GET" or caller.csrf) else 403


# A load balancer asks for the head of what it would be shown in full.
FOR_ANYBODY: Final = {path for path, guards in V2.values() if guards.get("GET") == ANYBODY}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [path for path, _ in (*ROUTES.values(), *V2.values()) if path.startswith((f"{API}/", "/v2"))],
)
def test_no_method_is_a_way_around(client: httpx.Client, method: str, path: str) -> None:
    """Whoever is not known is not even told what he may not do."""
    heads = {200} if method == "HEAD" and path in FOR_ANYBODY else set()

    assert ask(client, method, path).status_code in (heads or {401, 405})


def admin_paths() -> list[str]:
    """Every page of the admin that has a name, with something where it takes an argument."""
    found = {
        re.sub(r"<[^>]*>", "1", path): name
        for path, name in all_routes()
        if path.startswith("/admin/") and "^" not in path and "(?P" not in path
    }
    return sorted(path for path, name in found.items() if f"admin:{name}" not in OPEN_IN_ADMIN)


@pytest.mark.parametrize("path", admin_paths())
@pytest.mark.parametrize("name", ["nobody", "every", "visitor", "old cookie"])
def test_the_admin_is_for_staff(
    client: httpx.Client, everybody: Callers, name: str, path: str
) -> None:
    headers = everybody.named(name).headers

    for method in ("GET", "POST"):
        answer = ask(client, method, path, headers)
        assert answer.status_code in {302, 403}
        assert not answer.cookies.get("sessionid")
        if answer.status_code == 302:
            assert answer.headers["location"].startswith("/admin/login/")


def test_staff_get_into_the_admin(client: httpx.Client, everybody: Callers) -> None:
    assert ask(client, "GET", "/admin/", everybody.cookie("staff")).status_code == 200


def test_a_login_without_a_token_is_refused(client: httpx.Client) -> None:
    given = {"username": "boss", "password": callers.PASSWORD}
    client.cookies.clear()

    answer = client.post("/admin/login/", data=given)

    assert answer.status_code == 403
    assert not answer.cookies.get("sessionid")


def test_a_session_s_cookie_is_kept_from_scripts_and_other_sites(client: httpx.Client) -> None:
    client.cookies.clear()
    client.get("/admin/login/")
    token = client.cookies["csrftoken"]
    given = {"username": "boss", "password": callers.PASSWORD, "csrfmiddlewaretoken": token}

    answer = client.post("/admin/login/", data=given, headers={"Origin": str(client.base_url)})

    [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith("sessionid=")]
    assert answer.status_code == 302
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_for_everybody_and_says_nothing_else(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"Host": "10.0.0.1"})

    assert (answer.status_code, answer.json()) == (200, {path.strip("/"): True})


# -- claims ----------------------------------------------------------------------------------------

CLAIMS: Final = [
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1;proto=https;host=127.0.0.1"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "127.0.0.1"},
    {"X-Forwarded-User": "boss"},
    {"Remote-User": "boss"},
    {"X-Remote-User": "boss", "REMOTE_USER": "boss"},
    {"X-Original-URL": "/livez"},
    {"X-Rewrite-URL": "/livez"},
    {"X-HTTP-Method-Override": "GET"},
    {"X-Api-Key": "KEY"},
    {"Api-Key": "KEY"},
    {"Cookie": "api_key=KEY; Authorization=Api-Key KEY"},
    {"Authorization": "KEY"},
    {"Authorization": "Bearer KEY"},
    {"Authorization": "Token KEY"},
    {"Authorization": "Basic Ym9zczpib3Nz"},
    {"Authorization": "Api-Key"},
    {"Authorization": "Api-Key ."},
    {"Authorization": "Api-Key PREFIX."},
    {"Authorization": "Api-Key PREFIX"},
    {"Authorization": "Api-Key KEY, Api-Key KEY"},
    {"Authorization": "Api-Key KEYx"},
    {"Authorization": "Api-Key " + "x" * 10_000},
    {"Authorization": "Api-Key \u00fe.\u00fe"},
    {"Authorization": "Api-Key ' or 1=1 --.x"},
    {"Cookie": "sessionid="},
    {"Cookie": "sessionid=../../etc/passwd"},
    {"Cookie": "sessionid=" + "x" * 10_000},
    {"Cookie": "sessionid=\u00fe; =; ;;"},
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim)[:60])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/mlrequests"),
        ("POST", f"{API}/{ENDPOINT}/predict"),
        ("POST", f"/v2/models/{ENDPOINT}/infer"),
    ],
)
def test_a_claim_is_no_key(
    client: httpx.Client, everybody: Callers, claim: dict[str, str], method: str, path: str
) -> None:
    key = everybody.made["every"]
    headers = {
        name: value.replace("KEY", key).replace("PREFIX", key.partition(".")[0]).encode("latin-1")
        for name, value in claim.items()
    }
    client.cookies.clear()

    answer = client.request(method, path, json={}, headers=headers)  # type: ignore[arg-type]  # bytes

    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["key", "api_key", "Authorization", "token"])
def test_a_key_in_an_address_is_none(client: httpx.Client, everybody: Callers, name: str) -> None:
    """Addresses end up in the logs of everybody on the way."""
    answer = client.get(f"{API}/endpoints", params={name: "Api-Key x.y"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "127.0.0.2", "127.0.0.1.evil.example"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", f"{API}/endpoints"),
        ("POST", f"{API}/{ENDPOINT}/predict"),
        ("POST", f"/v2/models/{ENDPOINT}/infer"),
    ],
)
def test_another_host_is_refused_whatever_key_comes_with_it(
    client: httpx.Client, everybody: Callers, host: str, method: str, path: str
) -> None:
    answer = ask(client, method, path, {**everybody.key("every"), "Host": host})

    assert (answer.status_code, answer.json()["code"]) == (400, "host_refused")


async def test_no_redirect_leads_to_where_a_stranger_says(server: Server) -> None:
    claims = [("X-Forwarded-Host", "evil.example"), ("Referer", "http://evil.example/")]

    [reply] = await exchange(server.port, request("GET", "//evil.example/..", claims))
    [page] = await exchange(server.port, request("GET", "/", claims))

    assert reply.status == 404
    assert page.headers["location"] == "/admin/login/?next=/"


# -- sockets ---------------------------------------------------------------------------------------

LIVE: Final = "/ws/v1/live"
STREAM: Final = f"/ws/v1/predict/{ENDPOINT}"
OURS: Final = ["http://HOST", "http://HOST/", LISTED, f"{LISTED}/", TRUSTING]
THEIRS: Final = [
    "null",
    "",
    "https://HOST",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:PORT",
    "http://127.0.0.1.evil.example:PORT",
    "http://evil.example",
    "http://HOST@evil.example",
    "http://evil.example#HOST",
    "http://pages.example",
    "https://pages.example:8443",
    "https://sub.pages.example",
    "https://pages.example.evil.example",
    "https://evilpages.example",
    "http://partner.example",
    "file://",
    "chrome-extension://abc",
    "javascript:alert(1)",
    "http://[",
]
WITH: Final = ["staff", "visitor", "every", "forger", "expired", "nobody"]


async def opened(
    server: Server, path: str, headers: Mapping[str, str], origin: str | None = None
) -> int:
    """The close code, or 0 if it stays open."""
    host = f"127.0.0.1:{server.port}"
    pairs = list(headers.items())
    if origin is not None:
        pairs.append(("Origin", origin.replace("HOST", host).replace("PORT", str(server.port))))
    async with Hand(server.port, path, pairs, host=host) as hand:
        hand.writing.write(frame(TEXT, b"{}"))  # to which an error is the answer
        opcode, said = await hand.receive()
        if opcode == TEXT and json.loads(said)["type"] == "hello":
            return 0
        if json.loads(said)["code"] == "frame_invalid":
            return 0
        return (await hand.until_closed())[0]


@pytest.mark.parametrize("path", [LIVE, STREAM])
@pytest.mark.parametrize("name", WITH)
@pytest.mark.parametrize("origin", [None, *OURS])
async def test_our_pages_come_with_a_session_and_programs_with_a_key(
    server: Server, everybody: Callers, origin: str | None, name: str, path: str
) -> None:
    caller = everybody.named(name)

    code = await opened(server, path, caller.headers, origin)

    may = bool(caller.scopes) or (caller.staff and origin is not None)
    assert code == (0 if may else 4401)


@pytest.mark.parametrize("path", [LIVE, STREAM])
@pytest.mark.parametrize("name", WITH)
@pytest.mark.parametrize("origin", THEIRS)
async def test_pages_of_others_come_in_vain(
    server: Server, everybody: Callers, origin: str, name: str, path: str
) -> None:
    assert await opened(server, path, everybody.named(name).headers, origin) == 4403


@pytest.mark.parametrize(
    ("path", "name", "code"),
    [
        (LIVE, "read", 0),
        (LIVE, "predict", 4403),
        (LIVE, "manage", 4403),
        (STREAM, "predict", 0),
        (STREAM, "read", 4403),
        (STREAM, "revoked", 4401),
        (f"{LIVE}?key=x.y", "nobody", 4401),
    ],
)
async def test_a_key_opens_the_sockets_of_its_scopes(
    server: Server, everybody: Callers, path: str, name: str, code: int
) -> None:
    assert await opened(server, path, everybody.named(name).headers) == code


async def test_a_key_in_a_subprotocol_is_none(server: Server, everybody: Callers) -> None:
    offered = {"Sec-WebSocket-Protocol": f"weir.v1.json, {everybody.made['every']}"}

    assert await opened(server, LIVE, offered) == 4401


# -- leaving ---------------------------------------------------------------------------------------


async def test_who_is_shown_out_loses_open_sockets_as_well(
    server: Server, everybody: Callers
) -> None:
    """Within a second or two; the others stay."""
    key, cookie = everybody.key("leaving"), everybody.cookie("leaver")
    host = f"127.0.0.1:{server.port}"
    page = [*cookie.items(), ("Origin", f"http://{host}")]
    stays = Hand(server.port, STREAM, list(everybody.key("every").items()), host)
    leaving = [
        Hand(server.port, STREAM, list(key.items()), host),
        Hand(server.port, LIVE, list(key.items()), host),
        Hand(server.port, LIVE, page, host),
    ]
    async with stays, leaving[0], leaving[1], leaving[2], httpx.AsyncClient() as client:
        for hand in (stays, leaving[0]):
            await hand.receive()
        for hand in leaving[1:]:
            hand.writing.write(frame(TEXT, b'{"subscribe":"results:breast_cancer"}'))
            await hand.receive()
        await asyncio.to_thread(callers.show_out, server.data, everybody.made)

        ends = [await hand.until_closed() for hand in leaving]
        stays.writing.write(frame(TEXT, b'{"id":1,"record":{"mean_radius":14.1}}'))
        answer = json.loads((await stays.receive())[1])
        refused = [
            (await client.get(f"{server.url}{API}/endpoints", headers=key)).status_code,
            (
                await client.post(f"{server.url}{API}/{ENDPOINT}/predict", json={}, headers=key)
            ).status_code,
        ]

    assert [code for code, _ in ends] == [4401] * 3
    assert {json.loads(said[-1])["code"] for _, said in ends} == {"unauthorized"}
    assert answer["type"] == "result"
    assert refused == [401, 401]
