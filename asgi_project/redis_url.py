"""What REDIS_URL says, as arguments for whoever connects.

Three kinds: a server (`redis://`, `unix://`), a server over TLS (`rediss://`), and the primary that
sentinels name at the moment (`redis+sentinel://host:port,host:port/service/0`, with `rediss` for
TLS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from asgi_project import sentinel
from asgi_project.readers import ConfigError

if TYPE_CHECKING:
    from asgi_project.env import Environment

_SERVER: Final = ("redis", "rediss", "unix")
_SENTINEL: Final = ("redis+sentinel", "rediss+sentinel")
_SENTINEL_PORT: Final = 26379
_SENTINEL_SECONDS: Final = 1.0  # there is another one to ask


def read(value: str) -> str:
    """The URL as it stands; refuses what redis-py would guess at.

    No sentence repeats a part of it: what stands in the wrong place may be half a password.
    """
    url = urlsplit(value)
    if url.scheme in _SENTINEL:
        _sentinels(url)
    elif url.scheme in _SERVER and "://" in value:
        _server(url)
    else:
        schemes = " or ".join(f"{scheme}://" for scheme in (*_SERVER, *_SENTINEL))
        raise ConfigError(f"must start with {schemes}")
    return value


def connection(env: Environment) -> dict[str, Any]:
    """What channels_redis calls a host: `address` or `sentinels`, with what TLS asks for."""
    assert env.redis_url is not None, "only asked where there is one"
    url = urlsplit(env.redis_url)
    tls = _tls(env) if url.scheme.startswith("rediss") else {}
    if url.scheme in _SENTINEL:
        return {**_sentinels(url), **_login(url), **_patience(tls), **tls}
    tls.pop("ssl", None)  # the scheme says it
    return {"address": env.redis_url, **tls}


def client(env: Environment, **options: Any) -> Redis:
    """A client of its own pool, closed by `aclose`; the options are those of a connection."""
    given = {**connection(env), **options}
    if "sentinels" in given:
        return sentinel.primary(**given)
    client: Redis = Redis.from_url(given.pop("address"), **given)
    return client


def _server(url: SplitResult) -> None:
    if url.scheme == "unix":
        if not url.path:
            raise ConfigError("names no socket")
        return
    _address(url.netloc.rpartition("@")[2], default=6379)
    _database(url.path)


def _sentinels(url: SplitResult) -> dict[str, Any]:
    service, _, database = url.path.strip("/").partition("/")
    if not service or url.query or url.fragment:
        raise ConfigError("must look like redis+sentinel://host:26379,host:26379/service/0")
    hosts = url.netloc.rpartition("@")[2].split(",")
    return {
        "sentinels": [_address(host, default=_SENTINEL_PORT) for host in hosts],
        "master_name": unquote(service),
        "db": _database(database),
    }


def _address(text: str, *, default: int) -> tuple[str, int]:
    """`host`, `host:port` or `[ipv6]:port`."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("names a port that is none") from None
    if not host:
        raise ConfigError("names no host")
    return host, default if port is None else port


def _database(text: str) -> int:
    digits = text.strip("/")
    if digits and not (digits.isascii() and digits.isdigit()):
        raise ConfigError("names a database that is no number")
    return int(digits or 0)


def _login(url: SplitResult) -> dict[str, str]:
    """Of the servers; sentinels are asked without."""
    given = {"username": url.username, "password": url.password}
    return {name: unquote(value) for name, value in given.items() if value}


def _patience(tls: dict[str, Any]) -> dict[str, Any]:
    timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _SENTINEL_SECONDS)
    return {"sentinel_kwargs": {**timeouts, "retry": Retry(NoBackoff(), 0), **tls}}


def _tls(env: Environment) -> dict[str, Any]:
    if not env.redis_verify_tls:
        return {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return {"ssl": True, **({"ssl_ca_certs": str(env.redis_ca)} if env.redis_ca else {})}
