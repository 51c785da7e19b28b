"""Redis as Weir may find it: alone, behind TLS with a certificate of its own, under sentinels."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from tests import processes
from tests.servers import free_port

SERVICE: Final = "weir"
SECONDS: Final = 20.0
_NOTHING_KEPT: Final = (
    *("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"),
)
# An own certificate authority that has signed only itself, as a hosted Redis has.
_CERTIFICATE: Final = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
    *("-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1"),
    *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
)


@contextmanager
def plain(folder: Path, *options: str) -> Iterator[int]:
    """A server with nothing in it; its port."""
    port = free_port()
    command = [processes.program("redis-server"), "--port", str(port), *_NOTHING_KEPT, *options]
    with processes.running(command, port, folder):
        yield port


@dataclass(frozen=True)
class Secured:
    """A server that speaks TLS only."""

    url: str
    certificate: Path


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """With a certificate that nobody else vouches for, and a password."""
    certificate, key = folder / "redis.crt", folder / "redis.key"
    processes.program("openssl")
    made = [*_CERTIFICATE, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    port = free_port()
    options = {
        "tls-port": str(port),
        "port": "0",
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
        "tls-auth-clients": "no",
        "requirepass": "open sesame",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = [processes.program("redis-server"), *words, *_NOTHING_KEPT]
    with processes.running(command, port, folder):
        yield Secured(f"rediss://:open%20sesame@127.0.0.1:{port}/0", certificate)


@dataclass(frozen=True)
class Watched:
    """A primary, its replica, and a sentinel that knows both."""

    url: str
    sentinel: int
    primary: int
    replica: int


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """The sentinel alone decides; the first one in the URL is one that has gone."""
    with (
        plain(folder) as primary,
        _replica(folder, primary) as replica,
        _sentinel(folder, primary) as sentinel,
    ):
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel}"
        yield Watched(f"redis+sentinel://{hosts}/{SERVICE}/0", sentinel, primary, replica)


@contextmanager
def _replica(folder: Path, primary: int) -> Iterator[int]:
    """In step with its primary: a sentinel looks for replicas when it starts, then not for 10 s."""
    with plain(folder, "--replicaof", "127.0.0.1", str(primary)) as port:
        deadline = time.monotonic() + SECONDS
        with redis.Redis(port=port, decode_responses=True) as client:
            while client.info("replication")["master_link_status"] != "up":
                assert time.monotonic() < deadline, "the replica does not get in step"
                time.sleep(0.02)
        yield port


@contextmanager
def _sentinel(folder: Path, primary: int) -> Iterator[int]:
    port = free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\n"
        "bind 127.0.0.1\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary} 1\n"
        f"sentinel down-after-milliseconds {SERVICE} 1000\n"
        f"sentinel failover-timeout {SERVICE} 5000\n"
    )
    command = [processes.program("redis-server"), str(config), "--sentinel"]
    with processes.running(command, port, folder):
        yield port
