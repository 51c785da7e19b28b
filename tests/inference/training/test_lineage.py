"""What one needs to know to make a model again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from inference.training import lineage


def test_the_revision_is_that_of_the_working_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    monkeypatch.setattr(lineage, "_CODE", tmp_path)
    assert "git_revision" not in lineage.of_place()
    monkeypatch.chdir(tmp_path)

    author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q"), (*author, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *words], check=True)  # noqa: S607  # git, wherever it is
    assert len(lineage.of_place()["git_revision"]) == 40
    assert lineage.of_place()["git_changed"] is False

    (tmp_path / "new.txt").write_text("x")
    assert lineage.of_place()["git_changed"] is True


def test_a_scheduler_that_works_elsewhere_gets_the_revision_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, elsewhere = tmp_path / "code", tmp_path / "elsewhere"
    code.mkdir()
    elsewhere.mkdir()
    author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q"), (*author, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *words], check=True, cwd=code)  # noqa: S607  # as above
    monkeypatch.setattr(lineage, "_CODE", code)
    monkeypatch.chdir(elsewhere)

    assert len(lineage.of_place()["git_revision"]) == 40


def test_a_fingerprint_sees_the_last_bit() -> None:
    answers = np.array([[0.1, 0.9], [0.3, 0.7]])
    moved = answers.copy()
    moved[1, 1] = np.nextafter(0.7, 1.0)

    assert lineage.fingerprint(answers) == lineage.fingerprint(np.asfortranarray(answers))
    assert lineage.fingerprint(answers) != lineage.fingerprint(moved)
