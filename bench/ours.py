"""Ours as shipped: the production profile with a key, rows checked, with a strict log and without.

One process serves all jobs of the run.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import lone, wire
from bench.family import Family
from bench.jobs import Job
from bench.problem import BenchFailed
from bench.process import PYTHON, free_port, run
from bench.wire import Wire

OFF: Final = "off"
STRICT: Final = "strict"
MODES: Final = (OFF, STRICT)
NAME: Final = "Weir"


@dataclass
class Ours:
    """A data directory, the secrets that open it, and how its endpoints are asked."""

    folder: Path
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    key: str = ""

    def environment(self, port: int = 0) -> dict[str, str]:
        return {
            "WEIR_PROFILE": "production",
            "WEIR_DATA_DIR": str(self.folder),
            "WEIR_LOG_LEVEL": "WARNING",
            "WEIR_SECURE_SSL": "false",
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECRET_KEY": self.secret,
            "HOST": "127.0.0.1",
            "PORT": str(port),
        }

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Api-Key {self.key}"}

    def manage(self, *arguments: str, **extra: str) -> str:
        return run([PYTHON, "manage.py", *arguments], self.environment() | extra)

    def prepare(self) -> None:
        self.manage("migrate", "--verbosity", "0")
        self.key = self.manage("apikey", "create", "bench", "--scope", "predict").strip()

    def register(self, job: Job) -> None:
        """Its model at two endpoints; what it was compiled to is left for the peers."""
        for mode in MODES:
            self.add(job, endpoint(job.name, mode), mode)
        try:
            graph = lone.compiled(self.folder)
        except BenchFailed:
            return  # scikit-learn serves it, so no peer gets a row with ONNX
        (job.folder / "model.onnx").write_bytes(graph)

    def add(self, job: Job, name: str, mode: str) -> None:
        model = str(job.folder / "model.joblib")
        where = ("--endpoint", name, "--status", "production")
        identity = ("--name", job.name, "--version", "1")
        self.manage("register", model, *where, *identity, WEIR_LOG_MODE=mode)

    def server(self) -> Family:
        port = free_port()
        command = [PYTHON, "manage.py", "serve"]
        log = self.folder.with_suffix(".log")
        return Family(NAME, command, port, self.environment(port), log)

    def wires(self, job: str) -> Mapping[str, Wire]:
        """By mode."""
        return {
            mode: wire.RECORDS.at(f"/api/v1/{endpoint(job, mode)}/predict", self.headers)
            for mode in MODES
        }


def endpoint(job: str, mode: str) -> str:
    return f"{job}_{mode}"


def made(folder: Path, jobs: Sequence[Job]) -> Ours:
    """Migrated, with a key and these jobs."""
    ours = Ours(folder)
    ours.prepare()
    for job in jobs:
        ours.register(job)
    return ours
