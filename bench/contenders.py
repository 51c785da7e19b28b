"""Who is measured: how each is prepared, started and asked. A further peer is one more function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.process import PYTHON, Server, free_port, run

OFF: Final = "bench_off"
STRICT: Final = "bench_strict"


@dataclass(frozen=True, slots=True)
class Target:
    """An address that answers a row; each answers `{"probability": ..., "label": ...}`."""

    name: str
    server: Server
    path: str

    @property
    def right(self) -> bool:
        """Whether its answers are meant to be right."""
        return self.name != NOTHING


@dataclass(frozen=True, slots=True)
class Contender:
    """`prepare` runs once, `start` gives a server to be entered; `paths` by the target's name."""

    prepare: Callable[[Path], None]
    start: Callable[[Path], Server]
    ready: str
    paths: Mapping[str, str]

    def targets(self, server: Server) -> list[Target]:
        return [Target(name, server, path) for name, path in self.paths.items()]


OURS_STRICT: Final = "Weir, strict log"
OURS_OFF: Final = "Weir, log off"
TUTORIAL: Final = "Tutorial (a)"
FASTAPI: Final = "FastAPI (b)"
NOTHING: Final = "uvicorn, no work"


def everybody() -> list[Contender]:
    return [ours(), nothing(), tutorial(), fastapi()]


# -- ours ------------------------------------------------------------------------------------------


def ours() -> Contender:
    """One process; two endpoints with the same model, one of them without a log."""
    paths = {OURS_STRICT: f"/api/v1/{STRICT}/predict", OURS_OFF: f"/api/v1/{OFF}/predict"}
    return Contender(register, serve, "/readyz", paths)


def ours_environment(folder: Path, port: int = 0) -> dict[str, str]:
    return {
        "WEIR_PROFILE": "open",
        "WEIR_DATA_DIR": str(folder / "weir"),
        "WEIR_LOG_LEVEL": "WARNING",
        "PORT": str(port),
    }


def manage(folder: Path, *arguments: str, **extra: str) -> str:
    """One of our own commands, on the data directory under `folder`."""
    return run([PYTHON, "manage.py", *arguments], ours_environment(folder) | extra)


def serve(folder: Path) -> Server:
    port = free_port()
    command = [PYTHON, "manage.py", "serve"]
    return Server("Weir", command, port, ours_environment(folder, port), folder / "weir.log")


def register(folder: Path, *more: str, **extra: str) -> None:
    """The forest, for an endpoint with a log and for one without; `more` is said as well."""
    manage(folder, "migrate", "--verbosity", "0", **extra)
    identity = ("--name", "random forest", "--version", "0.0.1", "--status", "production")
    model = str(folder / "forest.joblib")
    for endpoint, mode in ((STRICT, "strict"), (OFF, "off")):
        where = ("--endpoint", endpoint, *more)
        manage(folder, "register", model, *where, *identity, WEIR_LOG_MODE=mode, **extra)


# -- peers -----------------------------------------------------------------------------------------


def tutorial() -> Contender:
    """Run by gunicorn with two workers of its default kind, SQLite."""
    return Contender(_migrate, _gunicorn, "/admin/login/", {TUTORIAL: "/api/v1/bench/predict"})


def _tutorial_environment(folder: Path) -> dict[str, str]:
    settings = "bench.peers.tutorial.settings"
    return {"BENCH_DIR": str(folder), "DJANGO_SETTINGS_MODULE": settings}


def _migrate(folder: Path) -> None:
    extra = _tutorial_environment(folder)
    run([PYTHON, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"], extra)
    run([PYTHON, "-c", "import bench.peers.tutorial.wsgi"], extra)  # the rows of the registry


def _gunicorn(folder: Path) -> Server:
    port = free_port()
    where = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--timeout", "60"]
    command = [PYTHON, "-m", "gunicorn", *where, "bench.peers.tutorial.wsgi"]
    return Server("Tutorial", command, port, _tutorial_environment(folder), folder / "tutorial.log")


def fastapi() -> Contender:
    """Run by uvicorn in one process."""
    return Contender(lambda _: None, _uvicorn, "/openapi.json", {FASTAPI: "/predict"})


def _uvicorn(folder: Path) -> Server:
    return _asgi("fastapi_app", folder, "--no-access-log")


def nothing() -> Contender:
    """The limit: how fast the same server answers if there is nothing to do."""
    return Contender(lambda _: None, _bare, "/", {NOTHING: "/predict"})


def _bare(folder: Path) -> Server:
    # What `asgi_project.serve` sets.
    options = ["--no-access-log", "--no-server-header", "--no-date-header", "--lifespan", "off"]
    return _asgi("nothing", folder, *options)


def _asgi(module: str, folder: Path, *options: str) -> Server:
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [PYTHON, "-m", "uvicorn", f"bench.peers.{module}:app", *where, *options]
    return Server(module, command, port, {"BENCH_DIR": str(folder)}, folder / f"{module}.log")
