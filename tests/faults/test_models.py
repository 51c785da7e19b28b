"""The model's answers tell requests and versions apart, and its deeds are what they say."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import joblib
import numpy as np
import pytest

from tests.faults import models, nonces
from tests.faults.models import Line
from tests.faults.nonces import Deed

FAR = 2**50  # beyond every nonce that is used


@pytest.mark.parametrize("version", nonces.VERSIONS)
@pytest.mark.parametrize("nonce", [0, 1, 7, FAR])
def test_an_answer_names_its_request_and_version(nonce: int, version: int) -> None:
    (answer,) = Line(version).predict(np.array([[nonce, 0.0]]))
    assert answer == nonces.value(nonce, version)
    assert nonces.version_of(nonce, answer) == version
    assert nonces.version_of(nonce + 1, answer) is None


def test_a_row_that_raises_names_itself() -> None:
    with pytest.raises(ValueError, match="nonce 5"):
        Line().predict(np.array([[4.0, 0.0], [5.0, Deed.RAISE]]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "code"), [(Deed.EXIT, 9), (Deed.SEGFAULT, -signal.SIGSEGV)], ids=["exit", "segfault"]
)
def test_a_deadly_row_ends_the_process(deed: Deed, code: int) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_predict, args=(1, deed))
    child.start()
    child.join()
    assert child.exitcode == code


@pytest.mark.slow
def test_a_held_row_leaves_its_process_id_and_passes_when_it_comes_again(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(
        target=_predict, args=(8, Deed.HOLD, str(tmp_path))
    )
    child.start()
    while not (tmp_path / "8").exists():
        child.join(0.01)
        assert child.is_alive()
    os.kill(int((tmp_path / "8").read_text()), signal.SIGKILL)
    child.join()
    (answer,) = Line(1, str(tmp_path)).predict(np.array([[8.0, Deed.HOLD]]))
    assert answer == nonces.value(8, 1)


def test_the_files_hold_what_was_written_with_a_schema_beside_them(tmp_path: Path) -> None:
    files = models.write(tmp_path, tmp_path)
    assert [joblib.load(path).version for path in files.values()] == list(nonces.VERSIONS)
    assert all(path.with_suffix(".schema.json").exists() for path in files.values())


def _predict(nonce: int, deed: Deed, folder: str = "") -> None:
    Line(1, folder).predict(np.array([[float(nonce), float(deed)]]))
