"""The environment, read once and strictly, as one frozen value.

Nothing else reads `os.environ`. An unknown `WEIR_*` name, a value that does not parse or a missing
secret is a `ConfigError`; `from_process` turns it into one line on stderr and exit code 2, because
a stack trace tells an operator nothing and a server that guesses tells him too late.
"""

from __future__ import annotations

import difflib
import hmac
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from asgi_project import readers, redis_url
from asgi_project.readers import ConfigError, Reader
from asgi_project.secret import kept_secret

BASE_DIR: Final = Path(__file__).resolve().parent.parent
SHORTEST_SECRET: Final = 32
_PREFIX: Final = "WEIR_"

Settled = Mapping[str, Any]


# The docstring of a default is what docs/settings.md says about it.


def _default_data_dir(settled: Settled) -> str:
    """`var` beside `manage.py`."""
    return str(BASE_DIR / "var")


def _default_secret(settled: Settled) -> str:
    """Open: made once and kept in the data directory. Production: none, it must be given."""
    if settled["profile"] == "open":
        return kept_secret(settled["data_dir"])
    raise ConfigError("is missing; the production profile does not start without one")


def _default_signing_key(settled: Settled) -> str:
    """Follows from `SECRET_KEY`."""
    return hmac.digest(settled["secret_key"].encode(), b"weir.signing", "sha256").hex()


def _default_database(settled: Settled) -> str:
    """`weir.sqlite3` in the data directory."""
    return f"sqlite:///{settled['data_dir'] / 'weir.sqlite3'}"


def _default_bundles(settled: Settled) -> str:
    """`files` with SQLite, `database` with any other database."""
    return "files" if settled["database_url"].startswith("sqlite") else "database"


def _default_verify_redis(settled: Settled) -> str:
    """Heroku without `WEIR_REDIS_CA`: `false`. Elsewhere: `true`."""
    # Heroku's own servers come with certificates that only they have signed.
    return "false" if settled["dyno"] and settled["redis_ca"] is None else "true"


def _default_hosts(settled: Settled) -> str:
    """Open: `localhost,127.0.0.1,[::1]`. Production: `.herokuapp.com` on Heroku, else none."""
    if settled["profile"] == "open":
        return "localhost,127.0.0.1,[::1]"
    # Heroku's router hands a dyno only what was asked of a name of its own.
    return ".herokuapp.com" if settled["dyno"] else ""


def _default_host(settled: Settled) -> str:
    """Open: `127.0.0.1`. Production: `0.0.0.0`."""
    return "127.0.0.1" if settled["profile"] == "open" else "0.0.0.0"  # noqa: S104  # behind a router


def _default_proxies(settled: Settled) -> str:
    """Heroku: `1`, its router. Elsewhere: `0`."""
    return "1" if settled["dyno"] else "0"


def _default_secure(settled: Settled) -> str:
    """Open: `false`. Production: `true`."""
    return "false" if settled["profile"] == "open" else "true"


def _default_gate(settled: Settled) -> str:
    """Open: `false`. Production: `true`."""
    return "false" if settled["profile"] == "open" else "true"


def _default_uploads(settled: Settled) -> str:
    """Open: `true`. Production: `false`."""
    return "true" if settled["profile"] == "open" else "false"


def _default_namespace(settled: Settled) -> str:
    """`weir-` and what follows from `WEIR_SIGNING_KEY`, so that no two deployments meet."""
    key = settled["signing_key"]
    if key.startswith("ed25519"):
        # A process that only opens bundles belongs to the deployment of the one that seals them.
        from inference import signing

        key = signing.identity(key)
    digest = hmac.digest(key.encode(), b"weir.namespace", "sha256")
    return f"weir-{digest.hex()[:8]}"


def _default_connections(settled: Settled) -> str:
    """`8`; on Heroku `6`, since its smallest plan allows 20 in all."""
    return "6" if settled["dyno"] else "8"


@dataclass(frozen=True, slots=True)
class Variable:
    """One name of the environment: how it is read, what it is otherwise, what it means."""

    name: str
    reader: Reader
    default: str | Callable[[Settled], str]
    meaning: str
    secret: bool = False

    def read(self, given: str | None, settled: Settled) -> object:
        """The value in force; an empty string counts as not given."""
        try:
            return self.reader(given or self._default(settled))
        except ConfigError as error:
            raise ConfigError(f"{self.name} {error}") from None

    @property
    def otherwise(self) -> str:
        """What holds if nothing is given, in words."""
        if isinstance(self.default, str):
            return f"`{self.default}`" if self.default else "none"
        return (self.default.__doc__ or "").rstrip(".")

    def _default(self, settled: Settled) -> str:
        return self.default if isinstance(self.default, str) else self.default(settled)


def _var(
    name: str,
    reader: Reader,
    default: str | Callable[[Settled], str],
    meaning: str,
    *,
    secret: bool = False,
) -> Any:
    """A dataclass field, which stands in for a value of the field's own type."""
    return field(metadata={"variable": Variable(name, reader, default, meaning, secret)})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Environment:
    """Everything that may differ between two deployments of the same code.

    Later fields may take their default from earlier ones, so the order is part of the meaning.
    """

    profile: Literal["open", "production"] = _var(
        "WEIR_PROFILE",
        readers.one_of("open", "production"),
        "production",
        "`open` lets in whoever reaches it, for trying things out; `production` asks for a key.",
    )
    dyno: str = _var(
        "DYNO",
        readers.text,
        "",
        "The name that Heroku gives a dyno; with it, defaults are those that Heroku asks for.",
    )
    data_dir: Path = _var(
        "WEIR_DATA_DIR",
        readers.folder,
        _default_data_dir,
        "Where files are kept: the SQLite database, model bundles, the secret of the open profile.",
    )
    secret_key: str = _var(
        "SECRET_KEY",
        readers.text,
        _default_secret,
        "Signs sessions; at least 32 characters. The open profile makes one and keeps it.",
        secret=True,
    )
    signing_key: str = _var(
        "WEIR_SIGNING_KEY",
        readers.signing_key,
        _default_signing_key,
        "Signs model bundles: a secret, or half of a pair that `manage.py bundles key` makes.",
        secret=True,
    )
    trusted_keys: tuple[str, ...] = _var(
        "WEIR_TRUSTED_KEYS",
        readers.signing_keys,
        "",
        "Further keys whose bundles are opened, with commas between: former ones, or of others.",
        secret=True,
    )
    database_url: str = _var(
        "DATABASE_URL",
        readers.address("sqlite", "postgres", "postgresql", "mysql"),
        _default_database,
        "`sqlite:///path`, `postgres://user:password@host/name`, or `mysql://...` for MariaDB.",
    )
    database_connections: int = _var(
        "WEIR_DATABASE_CONNECTIONS",
        readers.whole(4, 100),  # registry, log and ledger keep one each
        _default_connections,
        "The most connections that one process keeps to PostgreSQL; at least 4.",
    )
    redis_url: str | None = _var(
        "REDIS_URL",
        readers.optional(redis_url.read),
        "",
        "With it, workers hold the models and requests reach them through Redis; else one process.",
    )
    namespace: str = _var(
        "WEIR_NAMESPACE",
        readers.name,
        _default_namespace,
        "What names in Redis begin with; one for all processes of a deployment, and for no other.",
    )
    redis_ca: Path | None = _var(
        "WEIR_REDIS_CA",
        readers.optional(readers.existing_file),
        "",
        "Certificates in PEM by which `rediss://` knows its server, instead of the system's.",
    )
    redis_verify_tls: bool = _var(
        "WEIR_REDIS_VERIFY_TLS",
        readers.flag,
        _default_verify_redis,
        "Whether `rediss://` refuses a server that cannot prove who it is.",
    )
    bundles: str = _var(
        "WEIR_BUNDLES",
        readers.bundle_place,
        _default_bundles,
        "Where model bundles lie: `files` in the data directory, the `database`, or `s3://bucket/prefix`.",
    )
    allowed_hosts: tuple[str, ...] = _var(
        "ALLOWED_HOSTS",
        readers.names,
        _default_hosts,
        "Host names that may be asked for, with commas between them.",
    )
    allowed_origins: tuple[str, ...] = _var(
        "WEIR_ALLOWED_ORIGINS",
        readers.origins,
        "",
        "Further origins whose pages may open a WebSocket; the own origin always may.",
    )
    host: str = _var("HOST", readers.text, _default_host, "The address to listen on.")
    port: int = _var(
        "PORT", readers.whole(0, 65535), "8000", "The port to listen on; 0 takes a free one."
    )
    web_concurrency: int = _var(
        "WEB_CONCURRENCY",
        readers.whole(1, 64),
        "1",
        "How many web processes `serve` starts; without REDIS_URL it must be 1.",
    )
    max_batch_rows: int = _var(
        "WEIR_MAX_BATCH_ROWS",
        readers.whole(1, 65536),
        "256",
        "The most rows one call of a model gets.",
    )
    max_queue_rows: int = _var(
        "WEIR_MAX_QUEUE_ROWS",
        readers.whole(1, 10_000_000),
        "8192",
        "The most rows that may wait; whoever comes then is told `overloaded`.",
    )
    max_wait_ms: int = _var(
        "WEIR_MAX_WAIT_MS",
        readers.whole(1, 600_000),
        "1000",
        "Milliseconds, or two full batches, that a REST request waits behind others of its kind.",
    )
    standing_wait_ms: int = _var(
        "WEIR_STANDING_WAIT_MS",
        readers.whole(1, 600_000),
        "50",
        "The same while the queue has been longer than that for half a second and more.",
    )
    max_request_rows: int = _var(
        "WEIR_MAX_REQUEST_ROWS",
        readers.whole(1, 1_000_000),
        "4096",
        "The most rows one request may hold.",
    )
    deadline_ms: int = _var(
        "WEIR_DEADLINE_MS",
        readers.whole(10, 600_000),
        "25000",
        "Milliseconds after which a request is given up, unless it asks for less.",
    )
    max_body_bytes: int = _var(
        "WEIR_MAX_BODY_BYTES",
        readers.whole(1024, 1 << 30),
        "2097152",
        "The largest HTTP body that is read.",
    )
    uploads: bool = _var(
        "WEIR_UPLOADS",
        readers.flag,
        _default_uploads,
        "Whether models are taken over HTTP, from callers who may manage; ONNX and skops only.",
    )
    max_upload_bytes: int = _var(
        "WEIR_MAX_UPLOAD_BYTES",
        readers.whole(1024, 256 << 20),
        "67108864",
        "The largest model that is taken over HTTP, with what is said about it.",
    )
    trial_seconds: int = _var(
        "WEIR_TRIAL_SECONDS",
        readers.whole(5, 600),
        "60",
        "Seconds, by the clock and of a processor, that an uploaded model may take to be tried.",
    )
    trial_memory_mb: int = _var(
        "WEIR_TRIAL_MEMORY_MB",
        readers.whole(64, 1 << 20),
        "1024",
        "How many MiB of memory it may take meanwhile.",
    )
    isolated_timeout_ms: int = _var(
        "WEIR_ISOLATED_TIMEOUT_MS",
        readers.whole(10, 600_000),
        "5000",
        "Milliseconds after which an isolated model is taken to hang, and is killed.",
    )
    isolated_memory_mb: int = _var(
        "WEIR_ISOLATED_MEMORY_MB",
        readers.whole(64, 1 << 20),
        "1024",
        "How many MiB an isolated model may take.",
    )
    max_frame_bytes: int = _var(
        "WEIR_MAX_FRAME_BYTES",
        readers.whole(1024, 1 << 30),
        "1048576",
        "The largest WebSocket message that is read.",
    )
    ws_credits: int = _var(
        "WEIR_WS_CREDITS",
        readers.whole(1, 1_000_000),
        "4096",
        "The most requests one socket may have in flight.",
    )
    promotion_gate: bool = _var(
        "WEIR_PROMOTION_GATE",
        readers.flag,
        _default_gate,
        "Whether REST and the admin promote only what an evaluation blesses, as `promote` does.",
    )
    remote_hosts: tuple[str, ...] = _var(
        "WEIR_REMOTE_HOSTS",
        readers.hosts,
        "",
        "Servers that models may live in: `host` or `host:port`, with commas between; no others.",
    )
    remote_tokens: tuple[tuple[str, str], ...] = _var(
        "WEIR_REMOTE_TOKENS",
        readers.tokens,
        "",
        "What such servers want to see: `host=token` or `host:port=token`, with commas between.",
        secret=True,
    )
    remote_timeout_ms: int = _var(
        "WEIR_REMOTE_TIMEOUT_MS",
        readers.whole(10, 600_000),
        "5000",
        "Milliseconds after which such a server is given up; the request is answered 503.",
    )
    max_sockets: int = _var(
        "WEIR_MAX_SOCKETS",
        readers.whole(1, 1_000_000),
        "2000",
        "The most WebSockets one process holds open.",
    )
    drain_seconds: float = _var(
        "WEIR_DRAIN_SECONDS",
        readers.seconds(0, 600),
        "8",
        "How long a process that was told to stop goes on answering what it has accepted.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _var(
        "WEIR_LOG_LEVEL",
        readers.one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "INFO",
        "The least important event that is written to stderr.",
    )
    log_mode: Literal["strict", "fast", "off"] = _var(
        "WEIR_LOG_MODE",
        readers.one_of("strict", "fast", "off"),
        "strict",
        "What a new endpoint does: log before it answers, answer before it logs, or not log.",
    )
    access_log: Literal["off", "json"] = _var(
        "WEIR_ACCESS_LOG",
        readers.one_of("off", "json"),
        "off",
        "`json` writes a line to stdout for each HTTP request and for each WebSocket's ends.",
    )
    drift_window_seconds: int = _var(
        "WEIR_DRIFT_WINDOW_SECONDS",
        readers.whole(0, 86_400),
        "300",
        "How long a window is in which rows are counted to notice drift; `0` counts nothing.",
    )
    metrics_port: int | None = _var(
        "WEIR_METRICS_PORT",
        readers.optional(readers.whole(1, 65535)),
        "",
        "A port for `/metrics` alone; a worker has no other. Further web processes take the next.",
    )
    trusted_proxies: int = _var(
        "WEIR_TRUSTED_PROXIES",
        readers.whole(0, 16),
        _default_proxies,
        "How many proxies in front may be believed about the caller's address and scheme.",
    )
    secure_ssl: bool = _var(
        "WEIR_SECURE_SSL",
        readers.flag,
        _default_secure,
        "Whether HTTP is sent on to HTTPS and cookies travel over HTTPS only.",
    )
    given: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Says nothing: it holds secrets, and a repr ends in logs."""
        return f"<Environment {self.profile}>"

    @property
    def is_open(self) -> bool:
        """Whether strangers are let in without a key."""
        return self.profile == "open"

    @property
    def max_upload(self) -> int:
        """The largest body of a model, or nothing where none are taken."""
        return self.max_upload_bytes if self.uploads else 0

    def report(self) -> Iterator[str]:
        """One line per variable: the value in force and its source; no secret is among them."""
        for attribute, variable in variables().items():
            source = "environment" if variable.name in self.given else "default"
            shown = _shown(variable, getattr(self, attribute))
            yield f"{variable.name}={shown}  # source: {source}"

    @staticmethod
    def table() -> Iterator[str]:
        """Every variable as a line of a Markdown table: `docs/settings.md` holds exactly these."""
        for each in variables().values():
            yield f"| `{each.name}` | {each.otherwise} | {each.meaning} |"


def variables() -> dict[str, Variable]:
    """Every variable by the attribute that holds its value, in the order they are read."""
    marked = {each.name: each.metadata.get("variable") for each in fields(Environment)}
    return {attribute: variable for attribute, variable in marked.items() if variable is not None}


def _shown(variable: Variable, value: object) -> str:
    if variable.secret:
        return "********"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else _without_password(str(value))


def _without_password(value: str) -> str:
    """A URL as it stands, but for the password in it."""
    head, at, tail = value.rpartition("@")
    scheme, mark, login = head.partition("://")
    if not (at and mark):
        return value
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon}{'***' if colon else ''}@{tail}"


def read(environ: Mapping[str, str]) -> Environment:
    """The environment as one value; raises ConfigError with a sentence that names the variable."""
    _refuse_unknown(environ)
    settled: dict[str, Any] = {}
    for attribute, variable in variables().items():
        settled[attribute] = variable.read(environ.get(variable.name), settled)
    given = frozenset(each.name for each in variables().values() if environ.get(each.name))
    environment = Environment(**settled, given=given)
    _refuse_contradictions(environment)
    return environment


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = {variable.name for variable in variables().values()}
    for name in sorted(environ):
        if name.startswith(_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{name} is no setting of Weir{hint}")


def _refuse_contradictions(environment: Environment) -> None:
    if not environment.is_open and len(environment.secret_key) < SHORTEST_SECRET:
        raise ConfigError(f"SECRET_KEY must have at least {SHORTEST_SECRET} characters")
    if environment.max_request_rows > environment.max_queue_rows:
        raise ConfigError("WEIR_MAX_REQUEST_ROWS must not exceed WEIR_MAX_QUEUE_ROWS")
    if environment.redis_ca and not environment.redis_verify_tls:
        raise ConfigError("WEIR_REDIS_CA is never looked at while WEIR_REDIS_VERIFY_TLS is false")


def from_process() -> Environment:
    """What this process was started with; ends it with one line if that cannot be served."""
    try:
        environment = read(os.environ)
        _make(environment.data_dir)
    except ConfigError as error:
        sys.stderr.write(f"weir: {error}\n")
        raise SystemExit(2) from None
    return environment


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"WEIR_DATA_DIR {data_dir} cannot be made: {error.strerror}") from error
