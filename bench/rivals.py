"""The peers: what each needs, how its users start it, how it is asked."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from bench import wire
from bench.family import Family
from bench.peers.kernels import ONNX, SKLEARN
from bench.process import PYTHON, ROOT, free_port, run
from bench.wire import Wire

TUTORIAL: Final = "Tutorial"
FASTAPI: Final = "FastAPI"
PREPARE_SECONDS: Final = 300.0
_TOKEN: Final = secrets.token_hex(32)  # otherwise Ray leaves one in the home folder
# None of them needs to tell its maker that it was started.
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "True",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one rival does one job: its environment, the job's files, a folder and ports."""

    home: Path
    job: Path
    work: Path
    port: int
    inner: int

    @property
    def python(self) -> str:
        return self.program("python")

    def program(self, name: str) -> str:
        return str(self.home / "bin" / name)


Command = Callable[[Place], list[str]]


@dataclass(frozen=True, slots=True)
class Rival:
    """`family` is how it is chosen; `package` has its version; `sockets` is its WebSocket."""

    family: str
    kernel: str
    wire: Wire
    ready: str
    command: Command
    environment: str = ""
    package: str = ""
    prepare: Command | None = None
    processes: int = 1
    sockets: str = ""
    tries: int = 1

    @property
    def name(self) -> str:
        many = f", {self.processes} workers" if self.processes > 1 else ""
        return f"{self.family}, {self.kernel}{many}"

    def start(self, place: Place) -> Family:
        """Prepared, and started when it is entered."""
        extra = self._environment(place)
        if self.prepare is not None:
            run(self.prepare(place), extra, PREPARE_SECONDS)
        return Family(self.name, self.command(place), place.port, extra, place.work / "server.log")

    def _environment(self, place: Place) -> dict[str, str]:
        path = f"{place.home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        return {
            **_QUIET,
            "BENCH_DIR": str(place.job),
            "BENCH_KERNEL": self.kernel,
            "BENTOML_HOME": str(place.work),
            "DJANGO_SETTINGS_MODULE": "bench.peers.tutorial.settings",
            "GRPC_PORT": str(place.inner),
            "PATH": path,
            "PORT": str(place.port),
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": _TOKEN,
            "RAY_TMPDIR": str(place.work),
        }


def place(rival: Rival, home: Path, job: Path, work: Path) -> Place:
    """With free ports."""
    work.mkdir(parents=True, exist_ok=True)
    return Place(home, job, work, free_port(), free_port())


def everybody() -> list[Rival]:
    """Each as it comes, then with the compiled model where it can take one."""
    pair = (_fastapi(1), _fastapi(2))
    servers = (*pair, _mlserver(), _bentoml(), _ray(), _litserve(), _mlflow())
    return [_tutorial(), *(replace(each, kernel=k) for each in servers for k in (SKLEARN, ONNX))]


def chosen(only: str) -> list[Rival]:
    """Those whose family is named, in any case; all of them without a name."""
    names = {name.strip().lower() for name in only.split(",") if name.strip()}
    families = {_short(each) for each in everybody()}
    if unknown := names - families:
        raise ValueError(f"No peer is called {', '.join(sorted(unknown))}; there are {families}.")
    return [each for each in everybody() if not names or _short(each) in names]


def _short(rival: Rival) -> str:
    return rival.family.lower().replace(" ", "")


# -- each ------------------------------------------------------------------------------------------


def _fastapi(processes: int) -> Rival:
    return Rival(
        FASTAPI,
        SKLEARN,
        wire.RECORDS,
        "/openapi.json",
        partial(_uvicorn, processes),
        environment="fastapi",
        package="fastapi",
        processes=processes,
        sockets="/ws/predict",
    )


def _uvicorn(processes: int, place: Place) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(place.port), "--workers", str(processes)]
    quiet = ["--log-level", "warning", "--no-access-log"]
    return [place.python, "-m", "uvicorn", "bench.peers.records_app:app", *where, *quiet]


def _mlserver() -> Rival:
    return Rival(
        "MLServer",
        SKLEARN,
        wire.V2,
        "/v2/models/bench/ready",
        lambda place: [place.program("mlserver"), "start", str(place.work / "served")],
        environment="mlserver",
        package="mlserver",
        prepare=lambda place: _module(place, "mlserver_app", str(place.work / "served")),
    )


def _bentoml() -> Rival:
    return Rival(
        "BentoML",
        SKLEARN,
        wire.MATRIX,
        "/readyz",
        _bento,
        environment="bentoml",
        package="bentoml",
    )


def _bento(place: Place) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(place.port)]
    return [place.program("bentoml"), "serve", "bench.peers.bentoml_app:Service", *where]


def _ray() -> Rival:
    return Rival(
        "Ray Serve",
        SKLEARN,
        wire.ROW,
        "/-/healthz",
        lambda place: _module(place, "ray_app"),
        environment="ray",
        package="ray",
        tries=3,  # it gives its own parts 16 seconds to start, which a busy machine may not keep
    )


def _litserve() -> Rival:
    return Rival(
        "LitServe",
        SKLEARN,
        wire.ROW,
        "/health",
        lambda place: _module(place, "litserve_app"),
        environment="litserve",
        package="litserve",
    )


def _mlflow() -> Rival:
    return Rival(
        "MLflow",
        SKLEARN,
        wire.INPUTS,
        "/ping",
        _mlflow_serve,
        environment="mlflow",
        package="mlflow",
        prepare=lambda place: _module(place, "mlflow_app", str(place.work / "saved")),
    )


def _mlflow_serve(place: Place) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(place.port), "--env-manager", "local"]
    saved = str(place.work / "saved")
    return [place.program("mlflow"), "models", "serve", "-m", saved, *where, "--workers", "1"]


def _tutorial() -> Rival:
    """In our environment, which has all that it needs."""
    return Rival(
        TUTORIAL,
        SKLEARN,
        wire.ONE_RECORD,
        "/admin/login/",
        _gunicorn,
        prepare=_migrate,
        processes=2,
    )


def _gunicorn(place: Place) -> list[str]:
    where = ["--bind", f"127.0.0.1:{place.port}", "--workers", "2", "--timeout", "60"]
    return [PYTHON, "-m", "gunicorn", *where, "bench.peers.tutorial.wsgi"]


def _migrate(_: Place) -> list[str]:
    return [PYTHON, "-m", "bench.peers.tutorial.fresh"]


def _module(place: Place, name: str, *arguments: str) -> list[str]:
    return [place.python, "-m", f"bench.peers.{name}", *arguments]
