"""The paths of the Open Inference Protocol, the method of each, and the scope that it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from inference.keys import Scope

ROOT: Final = "/v2"
_FIXED: Final = {
    "/v2": "server",
    "/v2/": "server",
    "/v2/health/live": "live",
    "/v2/health/ready": "ready",
    "/v2/models": "models",
    "/v2/models/stats": "stats",
    "/v2/repository/index": "index",
}
_MODEL: Final = re.compile(
    r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"
    r"(?:/(?P<verb>ready|infer|stats|config))?"
)
_REPOSITORY: Final = re.compile(r"/v2/repository/models/(?P<model>[^/]+)/(?P<verb>load|unload)")
_NAMED: Final = {"": "model", "ready": "model_ready"}

# Who may ask a model may know what it takes and whether it is there; lists and figures are read.
RULES: Final[Mapping[str, tuple[str, Scope | None]]] = {
    "live": ("GET", None),
    "ready": ("GET", None),
    "server": ("GET", Scope.PREDICT),
    "models": ("GET", Scope.READ),
    "model": ("GET", Scope.PREDICT),
    "model_ready": ("GET", Scope.PREDICT),
    "infer": ("POST", Scope.PREDICT),
    "stats": ("GET", Scope.READ),
    "config": ("GET", Scope.READ),
    "index": ("POST", Scope.READ),
    "load": ("POST", Scope.MANAGE),
    "unload": ("POST", Scope.MANAGE),
}


class Route(NamedTuple):
    """What a path asks for, and of which model."""

    verb: str
    model: str = ""
    version: str = ""


def _parsed(path: str) -> Route | None:
    if fixed := _FIXED.get(path):
        return Route(fixed)
    found = _MODEL.fullmatch(path)
    if found is not None:
        verb = found["verb"] or ""
        return Route(_NAMED.get(verb, verb), found["model"], found["version"] or "")
    found = _REPOSITORY.fullmatch(path)
    return Route(found["verb"], found["model"]) if found else None


_remembered = lru_cache(maxsize=256)(_parsed)


def parsed(path: str) -> Route | None:
    """None for a path that is none of the protocol's."""
    # Clients repeat their paths; a long one is not worth remembering.
    return _remembered(path) if len(path) < 128 else _parsed(path)
