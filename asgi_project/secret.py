"""The secret that the open profile makes for itself and keeps beside its database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from asgi_project.readers import ConfigError


def kept_secret(data_dir: Path) -> str:
    """The secret this data directory keeps for itself, so that sessions outlive a restart."""
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            _keep(path, secrets.token_urlsafe(48))
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"is not given and {path} cannot be kept: {error.strerror}") from error


def _keep(path: Path, secret: str) -> None:
    """Write the file whole or not at all; of two processes that start at once the first wins."""
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
