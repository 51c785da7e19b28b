"""On which processes or machines training and evaluation run: joblib's backends."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import joblib

from inference.core.errors import TrainingFailed

Name = Literal["loky", "dask", "ray"]
NAMES: Final[tuple[Name, ...]] = ("loky", "dask", "ray")
SCHEDULER: Final = 30.0  # seconds until one that does not answer is given up


@dataclass(frozen=True, slots=True)
class Backend:
    """None computes here, on one thread. `address` is a scheduler's that runs already."""

    name: Name | None = None
    jobs: int = 2
    address: str | None = None


@contextmanager
def running(backend: Backend) -> Iterator[int]:
    """What is spread by joblib within is spread over the backend; how many work there.

    Raises TrainingFailed if its library is not installed or its scheduler does not answer.
    """
    if backend.name is None:
        yield 1
    elif backend.name == "dask":
        with _dask(backend):
            yield backend.jobs
    else:
        if backend.name == "ray":
            _ray(backend)
        with joblib.parallel_config(backend=backend.name, n_jobs=backend.jobs):
            yield backend.jobs


@contextmanager
def _dask(backend: Backend) -> Iterator[None]:
    """Workers of our own on this machine, one thread each, or those of a scheduler."""
    distributed = _library("distributed", "dask and distributed")
    try:
        client = (
            distributed.Client(backend.address, timeout=SCHEDULER)
            if backend.address
            else distributed.Client(
                n_workers=backend.jobs, threads_per_worker=1, dashboard_address=None
            )
        )
    except OSError as error:
        raise TrainingFailed(f"There is no dask scheduler at {backend.address}.") from error
    with client, joblib.parallel_config(backend="dask", n_jobs=backend.jobs):
        yield


def _ray(backend: Backend) -> None:
    ray = _library("ray", "ray")
    register = _library("ray.util.joblib", "ray")
    ray.init(address=backend.address, num_cpus=None if backend.address else backend.jobs)
    register.register_ray()


def _library(module: str, called: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise TrainingFailed(f"This backend needs {called}, which is not installed.") from error
