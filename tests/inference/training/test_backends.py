"""What joblib spreads is spread over the backend that was asked for, if that is installed."""

from __future__ import annotations

import os

import joblib
import pytest

from inference.core.errors import TrainingFailed
from inference.training import backends
from inference.training.backends import Backend


def pids() -> set[int]:
    """Of the processes that two tasks ran in."""
    return set(joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(4)))


def test_without_a_backend_nothing_leaves_the_process() -> None:
    with backends.running(Backend()) as jobs:
        assert jobs == 1
        assert pids() == {os.getpid()}


def test_loky_computes_in_processes_of_its_own() -> None:
    with backends.running(Backend("loky", 2)) as jobs:
        assert jobs == 2
        assert os.getpid() not in pids()


@pytest.mark.slow
def test_dask_computes_on_two_local_workers() -> None:
    pytest.importorskip("distributed", reason="dask and distributed are not installed")

    with backends.running(Backend("dask", 2)) as jobs:
        assert jobs == 2
        assert os.getpid() not in pids()


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_what_is_not_installed_is_one_sentence(
    name: backends.Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr("importlib.import_module", missing)

    with pytest.raises(TrainingFailed, match="not installed"), backends.running(Backend(name)):
        pytest.fail("it runs")
