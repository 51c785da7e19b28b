"""What the proxy does to bytes, seen from both ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.proxy import HOST, Proxies, Proxy
from tests.faults.weather import Direction, Line

PATIENCE = 5.0


class Echo:
    """Sends back what it gets, in upper case, and keeps what it got."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ends: list[str] = []
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line:
            try:
                while data := line.recv(65536):
                    self.got += data
                    line.sendall(data.upper())
                self.ends.append("finished")
            except ConnectionError:
                self.ends.append("reset")


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxies() as proxies:
        yield proxies.open(echo.port)


@pytest.fixture
def line(proxy: Proxy) -> Iterator[socket.socket]:
    with connect(proxy) as opened:
        yield opened


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=PATIENCE)


def ask(line: socket.socket, data: bytes) -> bytes:
    line.sendall(data)
    return read(line, len(data))


def read(line: socket.socket, size: int) -> bytes:
    """So many bytes, or as many as come before the end."""
    got = b""
    while len(got) < size and (data := line.recv(size - len(got))):
        got += data
    return got


def until(true: Any) -> None:
    """Polls: the other end tells nobody."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_bytes_pass_both_ways_and_are_counted(proxy: Proxy, line: socket.socket) -> None:
    assert ask(line, b"hello" * 20_000) == b"HELLO" * 20_000
    assert [proxy.carried(each) for each in Direction] == [100_000, 100_000]
    assert proxy.connections == 1


def test_an_end_of_one_direction_passes_and_the_other_goes_on(
    line: socket.socket, echo: Echo
) -> None:
    line.sendall(b"last words")
    line.shutdown(socket.SHUT_WR)
    assert read(line, 100) == b"LAST WORDS"
    assert echo.ends == ["finished"]


def test_latency_is_added_in_each_direction(proxy: Proxy, line: socket.socket) -> None:
    proxy.slow(Line(latency=0.1))
    began = time.monotonic()
    assert ask(line, b"a") == b"A"
    assert time.monotonic() - began >= 0.2


def test_a_throttled_line_carries_so_many_bytes_a_second(proxy: Proxy, line: socket.socket) -> None:
    proxy.slow(Line(bytes_per_second=20_000))
    began = time.monotonic()
    assert ask(line, bytes(5000)) == bytes(5000)
    assert time.monotonic() - began >= 0.25


def test_a_line_is_busy_by_size_and_late_by_chance() -> None:
    line = Line(latency=0.2, jitter=0.1, bytes_per_second=1000)
    assert line.travel(100) == pytest.approx(0.1)
    assert line.delay(0.5) == pytest.approx(0.25)
    assert Line().travel(100) == Line().delay(1.0) == 0.0


def test_what_is_on_its_way_does_not_hold_up_what_follows(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.slow(Line(latency=0.2))
    began = time.monotonic()
    for letter in (b"a", b"b", b"c"):
        line.sendall(letter)
        time.sleep(0.05)  # so that each travels by itself
    assert read(line, 3) == b"ABC"
    assert time.monotonic() - began < 0.2 * 2 + 0.05 * 3 + 0.2


def test_a_finished_connection_ends_politely_at_both_ends(
    proxy: Proxy, line: socket.socket, echo: Echo
) -> None:
    ask(line, b"a")
    proxy.finish()
    assert line.recv(1) == b""
    until(lambda: echo.ends == ["finished"])
    until(lambda: proxy.connections == 0)


def test_a_reset_connection_ends_rudely_at_both_ends(
    proxy: Proxy, line: socket.socket, echo: Echo
) -> None:
    ask(line, b"a")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    until(lambda: echo.ends == ["reset"])


def test_a_half_open_connection_says_nothing_until_it_heals(
    proxy: Proxy, line: socket.socket, echo: Echo
) -> None:
    ask(line, b"a")
    proxy.swallow()
    line.sendall(b"b")
    line.settimeout(0.2)
    with pytest.raises(TimeoutError):
        line.recv(1)
    assert echo.got == b"a"
    line.settimeout(PATIENCE)
    proxy.heal()
    assert read(line, 1) == b"B"


def test_a_connection_made_while_nothing_passes_is_half_open_too(proxy: Proxy) -> None:
    proxy.swallow()
    with connect(proxy) as line:
        line.settimeout(0.2)
        line.sendall(b"a")
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(PATIENCE)
        proxy.heal()
        assert read(line, 1) == b"A"


def test_a_proxy_that_refuses_keeps_what_it_has(proxy: Proxy, line: socket.socket) -> None:
    ask(line, b"a")
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    assert ask(line, b"b") == b"B"
    proxy.heal()
    with connect(proxy) as another:
        assert ask(another, b"c") == b"C"


def test_nobody_behind_it_is_a_connection_reset(proxy: Proxy, echo: Echo) -> None:
    echo.close()
    with Proxies() as proxies:
        port = proxies.open(1)
        # Where the proxy is quick, the connection is reset before the caller knows that it is one.
        with pytest.raises(ConnectionResetError), connect(port) as line:
            line.recv(1)


@pytest.mark.parametrize("after", range(7))
def test_a_cut_upwards_lets_exactly_so_many_bytes_through(
    proxy: Proxy, line: socket.socket, echo: Echo, after: int
) -> None:
    proxy.cut(Direction.UP, after)
    line.sendall(b"request")
    with pytest.raises(ConnectionResetError):
        read(line, 100)
    until(lambda: proxy.connections == 0)
    assert len(echo.got) <= after  # a reset may overtake what the other end has not read yet
    assert proxy.carried(Direction.UP) == after
    assert not proxy.cut_is_due


@pytest.mark.parametrize("after", range(6))
def test_a_cut_downwards_comes_after_the_request_was_heard(
    proxy: Proxy, line: socket.socket, echo: Echo, after: int
) -> None:
    proxy.cut(Direction.DOWN, after)
    line.sendall(b"answer")
    with pytest.raises(ConnectionResetError):
        read(line, 100)
    assert echo.got == b"answer"
    assert proxy.carried(Direction.DOWN) == after


def test_a_cut_beyond_what_travels_waits_and_is_forgotten_by_healing(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.cut(Direction.UP, 3)
    assert ask(line, b"abc") == b"ABC"
    assert proxy.cut_is_due
    proxy.heal()
    assert ask(line, b"d") == b"D"


def test_another_upstream_gets_the_next_connections(proxy: Proxy, line: socket.socket) -> None:
    other = Echo()
    ask(line, b"first")
    proxy.upstream = other.port
    with connect(proxy) as later:
        ask(later, b"second")
    assert ask(line, b"third") == b"THIRD"
    assert other.got == b"second"
    other.close()
