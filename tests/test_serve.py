"""The server is configured for what it promises."""

from __future__ import annotations

import resource
import signal

import pytest
from django.conf import settings

from asgi_project import family, protocols, serve
from asgi_project.asgi import application


def test_the_server_pings_and_bounds_frames_as_it_is_told() -> None:
    config = serve.server(settings.WEIR, application).config

    assert (config.ws_ping_interval, config.ws_ping_timeout) == (20.0, 20.0)
    assert config.ws_max_size == settings.WEIR.max_frame_bytes
    assert config.ws is protocols.WebSocket
    assert not config.ws_per_message_deflate


@pytest.mark.parametrize(
    ("now", "wanted", "then"),
    [
        ((1024, 4096), 3024, (3024, 4096)),
        ((1024, 2048), 3024, (2048, 2048)),
        ((1024, resource.RLIM_INFINITY), 3024, (3024, resource.RLIM_INFINITY)),
        ((8192, 8192), 3024, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 3024, None),
        ((3024, 3024), 3024, None),
    ],
)
def test_as_many_files_are_allowed_as_sockets_need(
    monkeypatch: pytest.MonkeyPatch,
    now: tuple[int, int],
    wanted: int,
    then: tuple[int, int] | None,
) -> None:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: now)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: found.append(limits))

    serve.allow_files(wanted)

    assert found == ([] if then is None else [then])


def test_a_system_that_allows_no_more_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(_: int, __: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 10_000))
    monkeypatch.setattr(resource, "setrlimit", refusing)

    serve.allow_files(3024)


@pytest.mark.parametrize(
    ("code", "fault"),
    [(0, 0), (-signal.SIGTERM, 0), (-signal.SIGKILL, signal.SIGKILL), (1, 1)],
)
def test_a_child_that_was_stopped_before_it_had_started_did_no_wrong(code: int, fault: int) -> None:
    assert family.fault(code) == fault
