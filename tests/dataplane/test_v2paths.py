"""Every path of the protocol is known, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from inference.dataplane import v2paths
from inference.dataplane.v2paths import RULES, Route


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2", Route("server")),
        ("/v2/", Route("server")),
        ("/v2/health/live", Route("live")),
        ("/v2/health/ready", Route("ready")),
        ("/v2/models", Route("models")),
        ("/v2/models/stats", Route("stats")),
        ("/v2/models/e", Route("model", "e")),
        ("/v2/models/e/versions/1.0", Route("model", "e", "1.0")),
        ("/v2/models/e/ready", Route("model_ready", "e")),
        ("/v2/models/e/versions/1.0/ready", Route("model_ready", "e", "1.0")),
        ("/v2/models/e/infer", Route("infer", "e")),
        ("/v2/models/e/versions/1.0/infer", Route("infer", "e", "1.0")),
        ("/v2/models/e/stats", Route("stats", "e")),
        ("/v2/models/e/versions/1.0/stats", Route("stats", "e", "1.0")),
        ("/v2/models/e/config", Route("config", "e")),
        ("/v2/repository/index", Route("index")),
        ("/v2/repository/models/e/load", Route("load", "e")),
        ("/v2/repository/models/e/unload", Route("unload", "e")),
        ("/v2/models/%s/infer" % ("x" * 500), Route("infer", "x" * 500)),
    ],
)
def test_a_path_is_a_route(path: str, route: Route) -> None:
    assert v2paths.parsed(path) == route
    assert route.verb in RULES


@pytest.mark.parametrize(
    "path",
    [
        "/v2/health",
        "/v2/health/live/",
        "/v2/models/",
        "/v2/models/e/",
        "/v2/models/e/infer/",
        "/v2/models//infer",
        "/v2/models/e/versions/1/2/infer",
        "/v2/models/e/generate",
        "/v2/models/e/infer\n",
        "/v2/repository/models/e",
        "/v2/systemsharedmemory/status",
        "/v2/logging",
    ],
)
def test_what_is_no_path_of_the_protocol(path: str) -> None:
    assert v2paths.parsed(path) is None
