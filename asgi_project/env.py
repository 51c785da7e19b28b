"""The environment, read once and strictly, as one frozen value.

Nothing else reads `os.environ`. An unknown `WEIR_*` name, a value that does not parse or a missing secret
is a `ConfigError`; `from_process` turns it into one line on stderr and exit code 2, because a stack trace
tells an operator nothing and a server that guesses tells him too late.
"""

from __future__ import annotations

import difflib
import hmac
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

BASE_DIR: Final = Path(__file__).resolve().parent.parent
SHORTEST_SECRET: Final = 32
_PREFIX: Final = "WEIR_"


class ConfigError(Exception):
    """The environment asks for something that cannot be served; the message is the whole diagnosis."""


# -- how one value is read ---------------------------------------------------------------------------

Reader = Callable[[str], object]
Settled = Mapping[str, Any]


def text(value: str) -> str:
    """The value as it stands."""
    return value


def folder(value: str) -> Path:
    """An absolute path, so that changing directory changes nothing."""
    return Path(value).expanduser().resolve()


def names(value: str) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def flag(value: str) -> bool:
    """Only the plain words count: `of` for `off` must not mean yes."""
    words = {"true": True, "1": True, "false": False, "0": False}
    if value.lower() not in words:
        raise ConfigError("must be true or false")
    return words[value.lower()]


def one_of(*choices: str) -> Reader:
    """A reader that takes one of these words."""

    def read_choice(value: str) -> str:
        if value not in choices:
            raise ConfigError(f"must be one of {', '.join(choices)}")
        return value

    return read_choice


def whole(low: int, high: int) -> Reader:
    """A reader for a whole number between two bounds, both allowed."""

    def read_whole(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ConfigError("must be a whole number") from None
        if not low <= number <= high:
            raise ConfigError(f"must lie between {low} and {high}")
        return number

    return read_whole


def seconds(low: float, high: float) -> Reader:
    """A reader for a duration in seconds between two bounds; `nan` lies between nothing."""

    def read_seconds(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise ConfigError("must be a number of seconds") from None
        if not low <= number <= high:
            raise ConfigError(f"must lie between {low:g} and {high:g} seconds")
        return number

    return read_seconds


def address(*schemes: str) -> Reader:
    """A reader for a URL of one of these schemes."""

    def read_address(value: str) -> str:
        if value.partition("://")[0] not in schemes or "://" not in value:
            raise ConfigError(
                f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}"
            )
        return value

    return read_address


def optional(reader: Reader) -> Reader:
    """The reader's value, or None where nothing is given."""
    return lambda value: reader(value) if value else None


def origins(value: str) -> tuple[str, ...]:
    """Scheme, host and perhaps port, nothing else: that is all a browser sends."""
    found = names(value)
    for origin in found:
        parts = urlsplit(origin)
        if f"{parts.scheme}://{parts.netloc}" != origin or parts.scheme not in {"http", "https"}:
            raise ConfigError(f"holds {origin!r}, which is no origin like https://example.org")
    return found


# -- defaults that follow from other values ----------------------------------------------------------


def _default_host(settled: Settled) -> str:
    return "127.0.0.1" if settled["profile"] == "open" else "0.0.0.0"  # noqa: S104  # behind a router


def _default_hosts(settled: Settled) -> str:
    return "localhost,127.0.0.1,[::1]" if settled["profile"] == "open" else ""


def _default_database(settled: Settled) -> str:
    return f"sqlite:///{settled['data_dir'] / 'weir.sqlite3'}"


def _default_signing_key(settled: Settled) -> str:
    return hmac.digest(settled["secret_key"].encode(), b"weir.signing", "sha256").hex()


def _default_secure(settled: Settled) -> str:
    return "false" if settled["profile"] == "open" else "true"


def _default_secret(settled: Settled) -> str:
    if settled["profile"] == "open":
        return _kept_secret(settled["data_dir"])
    raise ConfigError("is missing; the production profile does not start without one")


def _kept_secret(data_dir: Path) -> str:
    """The secret this data directory keeps for itself, so that sessions outlive a restart."""
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            _keep(path, secrets.token_urlsafe(48))
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"is not given and {path} cannot be kept: {error.strerror}") from error


def _keep(path: Path, secret: str) -> None:
    """Write the file whole or not at all; of two processes that start together the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".secret_key.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secret)
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


# -- the variables -----------------------------------------------------------------------------------


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

    def _default(self, settled: Settled) -> str:
        return self.default if isinstance(self.default, str) else self.default(settled)


def _var(  # noqa: ANN401  # a dataclass field stands in for a value of the field's own type
    name: str,
    reader: Reader,
    default: str | Callable[[Settled], str],
    meaning: str,
    *,
    secret: bool = False,
) -> Any:
    return field(metadata={"variable": Variable(name, reader, default, meaning, secret)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Everything that may differ between two deployments of the same code.

    Later fields may take their default from earlier ones, so the order is part of the meaning.
    """

    profile: Literal["open", "production"] = _var(
        "WEIR_PROFILE",
        one_of("open", "production"),
        "production",
        "`open` lets anybody on this machine in, for trying things out; `production` asks everybody for a key.",
    )
    data_dir: Path = _var(
        "WEIR_DATA_DIR",
        folder,
        str(BASE_DIR / "var"),
        "Where files are kept: the SQLite database and the secret of the open profile.",
    )
    secret_key: str = _var(
        "SECRET_KEY",
        text,
        _default_secret,
        "Signs sessions; 32 characters or more. The open profile makes one and keeps it in the data directory.",
        secret=True,
    )
    signing_key: str = _var(
        "WEIR_SIGNING_KEY",
        text,
        _default_signing_key,
        "Signs model bundles; every process that loads models needs the same one. Derived from SECRET_KEY otherwise.",
        secret=True,
    )
    database_url: str = _var(
        "DATABASE_URL",
        address("sqlite", "postgres", "postgresql"),
        _default_database,
        "The database: `sqlite:///path` or `postgres://user:password@host/name`.",
    )
    redis_url: str | None = _var(
        "REDIS_URL",
        optional(address("redis", "rediss", "unix")),
        "",
        "With it, web and worker processes are apart and meet in Redis; without it, one process does everything.",
    )
    allowed_hosts: tuple[str, ...] = _var(
        "ALLOWED_HOSTS",
        names,
        _default_hosts,
        "Host names that may be asked for, with commas between them.",
    )
    allowed_origins: tuple[str, ...] = _var(
        "WEIR_ALLOWED_ORIGINS",
        origins,
        "",
        "Further origins whose pages may open a WebSocket, with commas between them; the own origin always may.",
    )
    host: str = _var("HOST", text, _default_host, "The address to listen on.")
    port: int = _var("PORT", whole(0, 65535), "8000", "The port to listen on; 0 takes a free one.")
    web_concurrency: int = _var(
        "WEB_CONCURRENCY",
        whole(1, 64),
        "1",
        "How many web processes serve; more than one needs REDIS_URL, because a batch is formed in one process.",
    )
    max_batch_rows: int = _var(
        "WEIR_MAX_BATCH_ROWS", whole(1, 65536), "256", "The most rows one call of a model gets."
    )
    max_queue_rows: int = _var(
        "WEIR_MAX_QUEUE_ROWS",
        whole(1, 10_000_000),
        "8192",
        "The most rows that may wait; whoever comes then is told `overloaded`.",
    )
    max_request_rows: int = _var(
        "WEIR_MAX_REQUEST_ROWS", whole(1, 1_000_000), "4096", "The most rows one request may hold."
    )
    deadline_ms: int = _var(
        "WEIR_DEADLINE_MS",
        whole(10, 600_000),
        "25000",
        "Milliseconds after which a request is given up, unless it asks for less.",
    )
    max_body_bytes: int = _var(
        "WEIR_MAX_BODY_BYTES",
        whole(1024, 1 << 30),
        "2097152",
        "The largest HTTP body that is read.",
    )
    max_frame_bytes: int = _var(
        "WEIR_MAX_FRAME_BYTES",
        whole(1024, 1 << 30),
        "1048576",
        "The largest WebSocket message that is read.",
    )
    ws_credits: int = _var(
        "WEIR_WS_CREDITS",
        whole(1, 1_000_000),
        "4096",
        "The most rows one socket may have in flight.",
    )
    max_sockets: int = _var(
        "WEIR_MAX_SOCKETS",
        whole(1, 1_000_000),
        "2000",
        "The most WebSockets one process holds open.",
    )
    drain_seconds: float = _var(
        "WEIR_DRAIN_SECONDS",
        seconds(0, 600),
        "8",
        "How long a process that was told to stop goes on answering what it has accepted.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _var(
        "WEIR_LOG_LEVEL",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "INFO",
        "The least important event that is written to stderr.",
    )
    log_mode: Literal["strict", "fast", "off"] = _var(
        "WEIR_LOG_MODE",
        one_of("strict", "fast", "off"),
        "strict",
        "What a new endpoint does: log before it answers, answer before it logs, or not log.",
    )
    trusted_proxies: int = _var(
        "WEIR_TRUSTED_PROXIES",
        whole(0, 16),
        "0",
        "How many proxies in front may be believed about the caller's address and scheme.",
    )
    secure_ssl: bool = _var(
        "WEIR_SECURE_SSL",
        flag,
        _default_secure,
        "Whether HTTP is sent on to HTTPS and cookies travel over HTTPS only.",
    )
    given: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether strangers are let in without a key."""
        return self.profile == "open"

    def report(self) -> Iterator[str]:
        """One line per variable: the value in force and where it came from, no secret among them."""
        for attribute, variable in variables().items():
            source = "environment" if variable.name in self.given else "default"
            shown = _shown(variable, getattr(self, attribute))
            yield f"{variable.name}={shown}  # source: {source}"


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


# -- reading -----------------------------------------------------------------------------------------


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
        raise ConfigError(
            "WEIR_MAX_REQUEST_ROWS must not exceed WEIR_MAX_QUEUE_ROWS, or such a request never fits"
        )


def from_process() -> Environment:
    """What this process was started with; ends the process with one line if that cannot be served."""
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
