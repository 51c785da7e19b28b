"""How one value of the environment is read: strictly, and with a sentence where it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from inference import storage
from inference.core import reach


class ConfigError(Exception):
    """The environment asks for what cannot be served; the message is the whole diagnosis."""


Reader = Callable[[str], object]


def text(value: str) -> str:
    """The value as it stands."""
    return value


def folder(value: str) -> Path:
    """An absolute path, so that changing directory changes nothing."""
    return Path(value).expanduser().resolve()


def names(value: str) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def name(value: str) -> str:
    """One word that may stand in the name of a key."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        raise ConfigError("must be 1 to 64 letters, digits, dots, dashes or underscores")
    return value


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


def existing_file(value: str) -> Path:
    """An absolute path to a file that is there."""
    path = folder(value)
    if not path.is_file():
        raise ConfigError(f"names {path}, which is no file")
    return path


def bundle_place(value: str) -> str:
    """A place where bundles may lie."""
    try:
        storage.backend(value)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return value


def signing_key(value: str) -> str:
    """A key as `inference.signing` reads it, or the text of a shared secret."""
    if value.startswith("ed25519"):
        from inference import signing  # OpenSSL, which not every command needs

        try:
            signing.read(value)
        except ValueError as error:
            raise ConfigError(f"is no key: {error}") from None
    return value


def signing_keys(value: str) -> tuple[str, ...]:
    """Several of them."""
    return tuple(signing_key(each) for each in names(value))


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


def hosts(value: str) -> tuple[str, ...]:
    """Hosts with or without a port; no schemes and no patterns."""
    found = names(value)
    for host in found:
        if not reach.HOST.fullmatch(host):
            raise ConfigError(f"holds {host!r}, which is no host like triton:8000")
    return found


def tokens(value: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a host and what it wants to see; what is wrong is told without the tokens."""
    pairs = [each.partition("=")[::2] for each in names(value)]
    for host, token in pairs:
        if not reach.HOST.fullmatch(host) or not re.fullmatch(r"[!-~]+", token):
            raise ConfigError("holds something that is no pair like triton:8000=token")
    return tuple((host, token) for host, token in pairs)
