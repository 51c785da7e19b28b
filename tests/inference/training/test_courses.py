"""What is not named is looked for beside the data, or made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.core.errors import DatasetInvalid
from inference.training import build, courses, files
from inference.training.build import Cut, Source
from inference.training.courses import Files
from tests.inference import artefacts, steps


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build.write(tmp_path, build.cut(Source(files.typed(artefacts.rows(), "income")), Cut()), ".csv")
    return tmp_path


def test_the_other_part_and_the_schema_lie_beside_the_training_part(folder: Path) -> None:
    (folder / "train.schema.json").write_text(json.dumps(artefacts.SCHEMA.to_json()))

    course = courses.read(Files(folder / "train.csv"), Cut())

    assert course.schema == artefacts.SCHEMA
    assert len(course.train) + len(course.held_out) == 120


def test_a_bare_file_is_cut_and_profiled(tmp_path: Path) -> None:
    bare = steps.people(tmp_path / "people.csv")

    course = courses.read(Files(bare, target="income"), Cut())

    assert len(course.train) + len(course.held_out) == 300
    assert course.schema.names == ("age", "work", "hours")
    assert len(course.train.about.sha256) == 64


def test_a_part_without_the_other_is_refused(folder: Path) -> None:
    (folder / "held_out.csv").unlink()

    with pytest.raises(DatasetInvalid, match="where is the other"):
        courses.read(Files(folder / "train.csv"), Cut())


def test_a_schema_of_another_target_is_refused(folder: Path) -> None:
    (folder / "train.schema.json").write_text(json.dumps(artefacts.VALUES.to_json()))

    with pytest.raises(DatasetInvalid, match="another target"):
        courses.read(Files(folder / "train.csv"), Cut())
