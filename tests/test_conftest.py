"""The net under every other test."""

from __future__ import annotations

import socket

import pytest


def test_a_test_that_leaves_this_machine_fails_before_it_does() -> None:
    # 192.0.2.0/24 is kept for documentation: nobody is there, and nobody is asked.
    refusal = pytest.raises(pytest.fail.Exception, match=r"wanted to connect to 192\.0\.2\.1")

    with socket.socket() as caller, refusal:
        caller.connect(("192.0.2.1", 9))


def test_this_machine_may_be_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
